# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that comes back older than it was, or empty: what its peers remember of it is no fact about its disk."""

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, assert_equal_disks, two_hosts

RES = "mydata"
SIZE = 96 * MIB


def test_a_secondary_restored_from_an_older_picture(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 8)
        b.wait_caught_up(RES, a)
        b.kill()
        b.take_picture()
        b.boot()
        for seek in (20, 40, 60):
            a.fill(RES, seek, 16)
            b.wait_caught_up(RES, a)
            a.marsadm(f"log-rotate {RES}")
        b.wait_caught_up(RES, a)
        b.kill()
        b.restore_picture()
        b.boot()
        b.wait_caught_up(RES, a)
        a.fill(RES, 80, 2)
        b.wait_caught_up(RES, a)
        assert_equal_disks(cluster, disk)


def test_a_reinstalled_secondary_with_an_empty_disk(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 20)
        b.wait_caught_up(RES, a)
        b.reinstall(disk, SIZE // MIB)
        b.marsadm(f"join-cluster {a.name}")
        wait_for("hostB does not believe in its disk", lambda: b.key(f"resource-{RES}/syncstatus-hostB") is not None)
        b.wait_caught_up(RES, a)
        assert_equal_disks(cluster, disk)


if __name__ == "__main__":
    main(globals())
