# SPDX-License-Identifier: GPL-2.0-or-later
"""marsd on the primary is killed under fsync-heavy load: every acknowledged write is there after the restart.

    8 writers ── /dev/mars/mydata ── marsd on hostA, killed again and again ──── hostB follows
        └── acknowledgements ── kept outside of the host
"""

from testhosts import MIB, main
from testhosts.mars import MarsCluster, two_hosts
from testhosts.witness import Witness

RES = "mydata"
SIZE = 64 * MIB
BLOCKS = 4096


def test_acknowledged_writes_outlive_marsd(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        witness = Witness(a.device(RES), BLOCKS)
        for records in (50, 1000, 5000):
            witness.start(a)
            witness.wait_for_more(records)
            a.kill_marsd()
            witness.wait_end()
            a.start_marsd()
            a.wait_device(RES)
            witness.check(a)
        b.wait_caught_up(RES, a)
        witness.check(b, disk)
        assert a.disk_digest(disk) == b.disk_digest(disk), "the replica equals the primary"


def test_acknowledged_writes_outlive_the_host(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        witness = Witness(a.device(RES), BLOCKS)
        witness.start(a)
        witness.wait_for_more(2000)
        a.kill()
        witness.stop()
        a.boot()
        a.wait_device(RES)
        witness.check(a)
        witness.start(a)
        witness.wait_for_more(200)
        witness.stop()
        witness.check(a)
        b.wait_caught_up(RES, a)
        witness.check(b, disk)


def test_acknowledged_writes_move_to_the_other_side_after_a_crash(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        witness = Witness(a.device(RES), BLOCKS)
        witness.start(a)
        witness.wait_for_more(1000)
        a.kill_marsd()
        witness.wait_end()
        a.start_marsd()
        a.wait_device(RES)
        b.marsadm("wait-cluster")
        b.marsadm(f"primary {RES}")
        b.wait_device(RES)
        witness.check(b)


if __name__ == "__main__":
    main(globals())
