# SPDX-License-Identifier: GPL-2.0-or-later
"""marsd ends by itself when it is told to: 15 restarts on two hosts, and the harness finds no end by a signal.

Also without io_uring, with many devices at once. What a marsd leaves behind that was killed instead is found.
"""

from testhosts import MIB, main
from testhosts.mars import MarsCluster, create_resource, found_cluster, two_hosts

RES = "mydata"


def test_orderly_stops_end_without_a_signal(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, _ = two_hosts(cluster, RES, 32 * MIB)
        for _ in range(15):
            for host in (a, b):
                host.run("systemctl reset-failed marsd; systemctl restart marsd", timeout=60)
        a.wait_device(RES)
        b.wait_caught_up(RES, a)
        a.stop_marsd = a.kill_marsd
        found = " ".join(a.leftovers())
        assert "the mount " in found and "/dev/loop" in found, f"a killed marsd leaves its device, and this is found: {found}"


def test_without_io_uring_many_devices_close_at_once(state):
    """Files go through threads, as in containers that forbid io_uring: closing devices and requests to them share these."""
    names = [f"r{number}" for number in range(6)]
    with MarsCluster(state, ["hostA"]) as cluster:
        (a,) = cluster.hosts
        disks = {name: a.add_disk(name, 8 * MIB) for name in names}
        a.write_file("/etc/systemd/system/marsd.service.d/filter.conf", "[Service]\nSystemCallFilter=~io_uring_setup\n")
        cluster.boot()
        found_cluster(a)
        for name in names:
            create_resource(a, name, disks[name])
        assert "files without io_uring" in a.run("journalctl -u marsd -o cat").out
        for name in names:
            a.run(f"dd if=/dev/urandom of=/dev/mars/{name} bs=64k count=16 oflag=direct conv=fsync status=none")
        before = a.run("sha256sum /dev/mars/r?").out
        for _ in range(3):
            readers = [a.popen(["sh", "-c", f"for i in $(seq 200); do blkid -p /dev/mars/{name}; done"]) for name in names]
            a.run("systemctl reset-failed marsd; systemctl restart marsd", timeout=90)
            for reader in readers:
                reader.wait()
            for name in names:
                a.wait_device(name)
        assert a.run("sha256sum /dev/mars/r?").out == before


if __name__ == "__main__":
    main(globals())
