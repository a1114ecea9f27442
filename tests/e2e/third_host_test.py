# SPDX-License-Identifier: GPL-2.0-or-later
"""A third host joins a running cluster under load, catches up, and can take over.

    hostA (primary, written to all the time) ──── hostB
                └──────────── hostC, later ────────┘
"""

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, join_cluster, join_resource, two_hosts
from testhosts.witness import Witness

RES = "mydata"
SIZE = 128 * MIB


def test_a_third_host_joins_and_catches_up(state):
    with MarsCluster(state, ["hostA", "hostB", "hostC"]) as cluster:
        a, b, c = cluster.hosts
        c.add_disk(RES, SIZE)
        a, b, disk = two_hosts(cluster, RES, SIZE)
        a.run(f"dd if=/dev/urandom of={a.device(RES)} bs=1M seek=32 count=64 oflag=direct status=none")
        witness = Witness(a.device(RES))
        witness.start(a)
        join_cluster(c, a)
        uuids = {host.key("uuid") for host in cluster.hosts}
        assert len(uuids) == 1 and None not in uuids, uuids
        wait_for("hostB knows hostC", lambda: b.key("ips/ip-hostC") == c.address)
        join_resource(c, RES, disk)
        c.wait_synced(RES)
        witness.wait_for_more(500)
        witness.stop()
        for host in (b, c):
            host.wait_caught_up(RES, a)
            witness.check(host, disk)
        assert len({host.disk_digest(disk) for host in cluster.hosts}) == 1, "all three disks hold the same"

        c.marsadm(f"primary {RES}")
        c.wait_device(RES)
        witness.check(c)
        witness.device = c.device(RES)
        witness.start(c)
        witness.wait_for_more(200)
        witness.stop()
        for host in (a, b):
            host.wait_caught_up(RES, c)
            witness.check(host, disk)


def test_two_members_go_on_without_the_third(state):
    with MarsCluster(state, ["hostA", "hostB", "hostC"]) as cluster:
        a, b, c = cluster.hosts
        c.add_disk(RES, SIZE)
        a, b, disk = two_hosts(cluster, RES, SIZE)
        join_cluster(c, b)
        join_resource(c, RES, disk)
        c.wait_caught_up(RES, a)
        cluster.link(a, c).cut()
        cluster.link(b, c).cut()
        a.run(f"dd if=/dev/urandom of={a.device(RES)} bs=1M count=8 oflag=direct status=none")
        b.wait_caught_up(RES, a)
        wait_for("the primary says that hostC is silent", lambda: a.view("replstate", RES) == "SecondaryUnreachable")
        wait_for("hostC says how old its data are", lambda: "[no news of host" in c.view("diskstate", RES))
        assert "UpToDate[no news of hostA for" in c.marsadm(f"view {RES}").out
        assert '"data_lag_bytes": null' in c.marsadm(f"--json view {RES}").out
        assert b.view("data-lag", RES) == "0" and b.view("time-lag", RES) == "0"
        found = a.marsadm("doctor", check=False)
        assert found.code == 2 and "on host hostC: no news of hostC" in found.out, found
        assert "MiB behind at most" in found.out, found
        assert "no news of hostC" in a.marsadm(f"forecast {RES}").out
        stop = b.marsadm("safe-to-stop", check=False)
        assert stop.code == 0, stop
        assert c.marsadm("safe-to-stop hostA", check=False).code == 1, "what hostC knows is old"
        cluster.link(b, c).heal()  # hostC now gets by way of hostB what it is not told by hostA
        wait_for("hostC hears of hostA's position through hostB",
                 lambda: c.replay(RES, "hostA") == a.replay(RES, "hostA"), timeout=120)
        cluster.link(a, c).heal()
        c.wait_caught_up(RES, a)
        for host in cluster.hosts:
            wait_for(f"{host.name} is healthy again",
                     lambda h=host: h.marsadm("doctor", check=False).out == "all right\n")
        assert len({host.disk_digest(disk) for host in cluster.hosts}) == 1


if __name__ == "__main__":
    main(globals())
