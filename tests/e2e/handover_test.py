# SPDX-License-Identifier: GPL-2.0-or-later
"""A filesystem on /dev/mars/mydata moves from host to host with all its files, through a cut line on the way.

    hostA (primary first) ──── 100 Mbit/s, cut and healed ──── hostB
"""

from testhosts import MIB, main
from testhosts.mars import MarsCluster, create_resource, found_cluster, join_resource, two_hosts

RES = "mydata"
SIZE = 256 * MIB


def fill(host, folder, megabytes):
    """Makes a tree of files of all sizes below `folder`, and returns their checksums as sha256sum prints them."""
    host.run(f"""
        mkdir -p {folder} && cd {folder}
        for n in $(seq {megabytes}); do
            mkdir -p d$n && head -c 1000000 /dev/urandom > d$n/big && head -c $((n * 37)) d$n/big > d$n/small
            ln -s big d$n/link
        done""")
    return host.run(f"cd {folder} && find . -type f | sort | xargs sha256sum", timeout=120).out


def expect_files(host, folder, sums):
    result = host.run(f"cd {folder} && sha256sum --quiet -c -", stdin=sums, timeout=120, check=False)
    assert result.code == 0, f"files differ after the handover: {result}"


def mount(host):
    host.run(f"mount {host.device(RES)} /mnt")


def test_files_move_with_the_primary(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = cluster.hosts
        line = cluster.link(a, b)
        line.shape("100mbit")
        disk = [host.add_disk(RES, SIZE) for host in (a, b)][0]
        cluster.boot()
        found_cluster(a, b)
        create_resource(a, RES, disk)
        a.run(f"mkfs.ext4 -q {a.device(RES)}")
        mount(a)
        join_resource(b, RES, disk)
        sums = fill(a, "/mnt/before", 20)
        line.cut()
        sums += fill(a, "/mnt/while_cut", 20).replace(" ./", " ../while_cut/")
        line.heal()
        a.run("sync")
        b.wait_caught_up(RES, a)

        refused = b.marsadm(f"primary {RES}", check=False)
        assert refused.code == 1 and "device.inuse" in refused.err, f"a mounted device must not move: {refused}"
        assert a.key(f"resource-{RES}/primary") == "hostA"

        a.run("umount /mnt")
        b.marsadm(f"wait-umount {RES}")
        b.marsadm(f"primary {RES}")
        a.wait_device(RES, there=False)
        b.wait_device(RES)
        assert b.key(f"resource-{RES}/primary") == "hostB"
        b.run(f"fsck.ext4 -n -f {b.device(RES)}")
        mount(b)
        expect_files(b, "/mnt/before", sums)


def test_the_primary_goes_back_and_forth(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 64 * MIB)
        a.run(f"mkfs.ext4 -q {a.device(RES)}")
        here, there = a, b
        for turn in range(4):
            mount(here)
            here.run(f"echo {turn} {here.name} >> /mnt/diary && umount /mnt")
            there.marsadm("wait-cluster")
            there.marsadm(f"wait-umount {RES}")
            there.marsadm(f"primary {RES}")
            here.wait_device(RES, there=False)
            here, there = there, here
        mount(here)
        expected = "0 hostA\n1 hostB\n2 hostA\n3 hostB\n"
        assert here.read_file("/mnt/diary") == expected
        here.run("umount /mnt")
        there.wait_caught_up(RES, here)
        assert a.disk_digest(disk) == b.disk_digest(disk), "both disks hold the same at the end"


def test_a_replica_that_cannot_fetch_is_not_promoted(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, _ = two_hosts(cluster, RES, 64 * MIB)
        a.run(f"mkfs.ext4 -q {a.device(RES)}")
        b.marsadm(f"pause-fetch {RES}")
        mount(a)
        a.run("head -c 8M /dev/urandom > /mnt/file && umount /mnt")
        refused = b.marsadm(f"primary {RES}", check=False)
        assert refused.code == 1 and "todo.off" in refused.err, refused
        assert a.key(f"resource-{RES}/primary") == "hostA", "nothing has changed"
        mount(a)
        a.run("umount /mnt")
        b.marsadm(f"resume-fetch {RES}")
        b.wait_caught_up(RES, a)
        b.marsadm(f"primary {RES}")
        mount(b)
        assert b.run("stat -c %s /mnt/file").out.strip() == str(8 * MIB)


def test_a_handover_through_a_dead_line_times_out_and_harms_nothing(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, _ = two_hosts(cluster, RES, 64 * MIB)
        line = cluster.link(a, b)
        line.cut()
        a.run(f"mkfs.ext4 -q {a.device(RES)}")
        late = b.marsadm(f"primary {RES} --timeout=5", check=False)
        assert late.code != 0, f"the handover cannot have worked: {late}"
        assert a.key(f"resource-{RES}/primary") == "hostA"
        mount(a)
        a.run("echo still here > /mnt/file && umount /mnt")
        line.heal()
        b.wait_caught_up(RES, a)
        b.marsadm(f"primary {RES}")
        mount(b)
        assert b.read_file("/mnt/file") == "still here\n"


if __name__ == "__main__":
    main(globals())
