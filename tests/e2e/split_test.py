# SPDX-License-Identifier: GPL-2.0-or-later
"""A primary restored from an older picture while the line is down makes a second history under the old names: every
member says so, nothing is mixed, and invalidate cures."""

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, two_hosts

RES = "mydata"


def test_two_histories_under_the_same_names(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 96 * MIB)
        a.fill(RES, 8, 4)
        b.wait_caught_up(RES, a)
        a.kill()
        a.take_picture()
        a.boot()
        a.wait_device(RES)
        for seek in (20, 40):
            a.fill(RES, seek, 8)
            a.marsadm(f"log-rotate {RES}")
        b.wait_caught_up(RES, a)
        a.kill()
        cluster.link(a, b).cut()
        a.restore_picture()
        a.boot()
        wait_for("hostA knows that it had written more",
                 lambda: "had written up to" in (a.key(f"resource-{RES}/actual-hostA/msg-err-past-missing") or ""))
        assert a.run(f"test -e {a.device(RES)}", check=False).code != 0, "no device before a member was asked"
        shown = a.marsadm(f"view {RES}")
        assert "older picture" in shown.out + shown.err, shown
        asked = a.marsadm(f"trust-disk {RES}", check=False)
        assert asked.code != 0 and "given up" in asked.err, asked
        a.marsadm(f"--force trust-disk {RES}")
        a.wait_device(RES)
        a.fill(RES, 60, 4)
        a.marsadm(f"log-rotate {RES}")
        a.fill(RES, 70, 4)
        cluster.link(a, b).heal()
        for host in (a, b):
            wait_for(f"{host.name} says that there is a split", lambda h=host: "SplitBrain" in h.view("replstate", RES))
        refused = b.marsadm(f"primary {RES}", check=False)
        assert refused.code != 0 and "split brain" in refused.err and "invalidate" in refused.err, refused
        assert a.key(f"resource-{RES}/primary") == "hostA"
        a.fill(RES, 80, 2)
        b.marsadm(f"invalidate {RES}")
        b.wait_caught_up(RES, a)
        assert len({host.disk_digest(disk) for host in cluster.hosts}) == 1, "the disks hold the same"
        assert "SplitBrain" not in b.view("replstate", RES)


if __name__ == "__main__":
    main(globals())
