# SPDX-License-Identifier: GPL-2.0-or-later
"""The primary's host dies with data that the other one lacks. That goes on by `primary --force`, also after a restart. When
the dead one is back, it serves nothing, everybody says that there are two histories, and invalidate leaves one.

    hostA (primary, loses its line, then its power) ──── hostB (goes on)
"""

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, two_hosts

RES = "mydata"


def shown(host):
    result = host.marsadm(f"view {RES}")
    return result.out + result.err


def test_a_dead_primary_is_succeeded_by_force(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 64 * MIB)
        a.fill(RES, 0, 4)
        b.wait_caught_up(RES, a)
        cluster.link(a, b).cut()
        a.fill(RES, 8, 4)  # hostB never gets these
        a.kill()
        cluster.link(a, b).heal()

        b.marsadm(f"disconnect {RES}")
        refused = b.marsadm(f"primary --force {RES}", check=False)
        assert refused.code == 1 and "[role.unconfirmed]" in refused.err and "host hostA, the primary so far" in refused.err, refused
        assert b.key(f"resource-{RES}/primary") == "hostA", "nothing was changed"
        typed = b.run(f"echo {RES} | script -qec 'marsadm primary --force {RES}' /dev/null", timeout=60)
        assert "Type the name of the resource" in typed.out, typed
        b.wait_device(RES)
        b.fill(RES, 16, 4)
        b.stop_marsd()
        b.start_marsd()
        b.wait_device(RES)
        b.fill(RES, 24, 4)

        a.boot()
        for host in (a, b):
            wait_for(f"{host.name} says that there is a split", lambda h=host: "SplitBrain" in h.view("replstate", RES))
            wait_for(f"{host.name} tells of both versions", lambda h=host: "2 versions, which part after log-" in shown(h))
            assert "to keep the version of hostB: on hostA: marsadm invalidate mydata" in shown(host), shown(host)
        assert a.run(f"test -e {a.device(RES)}", check=False).code != 0, "the old primary serves nothing"

        wait_for("hostA says that it is no primary", lambda: a.key(f"resource-{RES}/actual-hostA/is-primary") == "0")
        a.marsadm(f"invalidate {RES}")
        a.wait_caught_up(RES, b)
        for host in (a, b):
            wait_for(f"{host.name} says nothing of a split any more", lambda h=host: "SPLIT" not in shown(h)
                     and "SplitBrain" not in h.view("replstate", RES))
        assert a.disk_digest(disk) == b.disk_digest(disk), "the disks hold the same"


if __name__ == "__main__":
    main(globals())
