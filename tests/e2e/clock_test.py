# SPDX-License-Identifier: GPL-2.0-or-later
"""The cluster's clock is 20 days ahead after one touch: a dead primary is dead all the same, and the lead is told."""

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, two_hosts

RES = "mydata"


def test_a_dead_primary_is_dead_although_its_stamps_are_in_the_future(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, _ = two_hosts(cluster, RES, 32 * MIB)
        a.stop_marsd()  # a running one would notice, and undo it
        a.run("touch -h -d '+20 days' /mars/actual-hostA/alive")
        a.start_marsd()
        a.wait_device(RES)
        wait_for("hostB's clock is ahead, too",
                 lambda: "ahead of this host's" in b.marsadm(f"view {RES}").err)
        assert b.view("is-alive", RES) == "1", "the primary lives"
        cluster.link(a, b).cut()
        wait_for("hostB sees that the primary is silent", lambda: b.view("is-alive", RES) == "0", timeout=150)
        assert float(b.view("alive-age", RES)) > 0
        assert "PrimaryUnreachable" in b.view("replstate", RES), b.view("replstate", RES)
        refused = b.marsadm(f"--timeout=3 primary {RES}", check=False)
        assert refused.code != 0
        assert a.key(f"resource-{RES}/primary") == "hostA" and b.key(f"resource-{RES}/primary") == "hostA", \
            "who is silent is not called off"
        cluster.link(a, b).heal()
        wait_for("the primary is heard again", lambda: b.view("is-alive", RES) == "1")


def test_a_touched_key_does_not_beat_the_next_command(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, _ = two_hosts(cluster, RES, 32 * MIB)
        for ahead in ("+10 years", "+20 days"):
            a.run(f"touch -h -d '{ahead}' /mars/resource-{RES}/todo-hostB/attach /mars/resource-{RES}/primary")
            b.marsadm(f"detach {RES}")
            b.marsadm(f"attach {RES}")
        b.marsadm(f"primary {RES}")
        b.wait_device(RES)


if __name__ == "__main__":
    main(globals())
