# SPDX-License-Identifier: GPL-2.0-or-later
"""A primary that has lost its power, or cannot be reached, keeps its role, and the other replica stays, until an operator
says that it has gone for good. Then the other host becomes primary. Back again, the lost one is no member.

    hostA (primary, loses its power) ──── hostB
"""

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, two_hosts

RES = "mydata"


def refused(host, command, reason, *words):
    result = host.marsadm(command, check=False)
    assert result.code != 0 and f"[{reason}]" in result.err, (command, result)
    for word in words:
        assert word in result.err, (command, word, result)


def test_the_way_out_of_a_lost_primary(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 64 * MIB)
        a.fill(RES, 0, 8)
        b.wait_caught_up(RES, a)
        a.kill()
        way_out = f"marsadm --host=hostA --force leave-resource {RES}"
        refused(b, f"--timeout=5 primary {RES}", "wait.phase", way_out)
        refused(b, f"--timeout=5 secondary {RES}", "wait.phase", way_out, "host hostA has not answered host hostB")
        refused(b, f"--timeout=5 invalidate {RES}", "wait.cluster", "would be lost")
        assert b.key(f"resource-{RES}/primary") == "hostA"
        b.marsadm(f"--host=hostA --force leave-resource {RES}")
        b.marsadm(f"primary {RES}")
        b.wait_device(RES)
        b.fill(RES, 8, 8)
        a.boot()
        wait_for("hostA knows who is primary", lambda: a.key(f"resource-{RES}/primary") == "hostB")
        wait_for("hostA has no device", lambda: a.run(f"test -e /dev/mars/{RES}", check=False).code != 0)
        b.wait_device(RES)


def test_a_primary_that_cannot_be_reached_is_not_called_off(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, _ = two_hosts(cluster, RES, 32 * MIB)
        b.wait_caught_up(RES, a)
        line = cluster.link(a, b)
        line.cut()
        refused(b, f"--timeout=5 secondary {RES}", "wait.phase", "host hostA stays the designated primary")
        line.heal()
        b.marsadm("wait-cluster --strict-wait")
        assert a.key(f"resource-{RES}/primary") == "hostA"
        a.run(f"test -b {a.device(RES)}")  # nothing opens it: an open device is refused for that
        wait_for("nobody looks at the device", lambda: b.key(f"resource-{RES}/actual-hostA/open-count") == "0")
        b.marsadm(f"secondary {RES}")
        assert a.key(f"resource-{RES}/primary") == "(none)"


if __name__ == "__main__":
    main(globals())
