# SPDX-License-Identifier: GPL-2.0-or-later
"""Situations that operators have reported, staged on real hosts: each ends with equal disks, or says so on every member.

python3 -B tests/e2e/situations.py [SITUATION…]. Prints what `marsadm view` says on each host and how many 4-KiB blocks of
the backing disks differ. Not a part of script/test (25 minutes): those that ever failed have tests of their own.
"""

import os

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, create_resource, found_cluster, join_resource, two_hosts, two_resources

RES = "mydata"
SIZE = 96 * MIB
BLOCK = 4096
NAMES = ["hostA", "hostB"]
# Words of `view` that no operator takes for a replica in order.
TOLD = ("DiskMismatch", "SplitBrain", "InConsistent", "NotPresent", "Orphan", "DefectiveLog", "DiskError", "DiskFull",
        "differs from what", "is not proven", "replay has stopped", "put back from an older picture")


# -- what situations are made of --------------------------------------------------------------------------------------

def blank(image):
    size = os.path.getsize(image)
    with open(image, "r+b") as file:
        file.truncate(0)
        file.truncate(size)


def exchange(first, second):
    os.rename(first, first + ".tmp")
    os.rename(second, first)
    os.rename(first + ".tmp", second)


def differing(cluster, resource=RES):
    """4-KiB blocks that differ between the disks of the first two hosts."""
    first, second = (host.store(resource) for host in cluster.hosts[:2])
    for host in cluster.hosts[:2]:
        disk = host.key(f"resource-{resource}/data-{host.name}")
        host.run(f"blockdev --flushbufs {disk}", check=False)
    count = 0
    with open(first, "rb") as one, open(second, "rb") as other:
        while block := one.read(BLOCK):
            count += block != other.read(BLOCK)
    return count


def is_quiet(cluster, resource=RES):
    """Nobody has anything to do any more, or can do anything."""
    for host in cluster.hosts:
        state = host.marsadm(f"view {resource}", check=False, timeout=20)
        if any(word in state.out + state.err for word in TOLD):
            continue
        primary = host.key(f"resource-{resource}/primary")
        source = next((other for other in cluster.hosts if other.name == primary), None)
        if source is None or source.replay(resource, source.name) != host.replay(resource, host.name):
            return False
    return True


def judge(cluster, resource=RES, must_be_equal=False):
    """Prints the states and the number of differing blocks; fails when the disks differ, and somebody says nothing."""
    try:
        wait_for("the replicas are level, or say that they are not", lambda: is_quiet(cluster, resource), timeout=90)
        wait_for("two rounds", lambda seen=[]: seen.append(1) or len(seen) > 12, timeout=30)
    except AssertionError as late:
        print(f"   {late}")
    said = {}
    for host in cluster.hosts:
        view = host.marsadm(f"view {resource}", check=False, timeout=20)
        said[host.name] = view.out + view.err
        for line in (view.out + view.err).splitlines():
            print(f"   {host.name}: {line}")
    count = differing(cluster, resource)
    told = all(any(word in text for word in TOLD) for text in said.values())
    print(f"   {resource}: {count} of {SIZE // BLOCK} blocks differ{', told on every member' if told else ''}", flush=True)
    assert count == 0 or told, f"{count} blocks differ, and not every member says so"
    assert count == 0 or not must_be_equal, f"{count} blocks differ"
    return count


def heal(cluster, host, primary, resource=RES):
    """The way out that the messages name."""
    if judge(cluster, resource):
        host.marsadm(f"invalidate {resource}")
    host.wait_caught_up(resource, primary)
    judge(cluster, resource, must_be_equal=True)


def picture_then_more(a, b, host, rotate=True):
    """A consistent picture of `host`; 48 MiB and three logs later it is put back, while the host is down."""
    a.fill(RES, 8, 8)
    b.wait_caught_up(RES, a)
    host.kill()
    host.take_picture()
    host.boot()
    a.wait_device(RES)
    for seek in (20, 40, 60):
        a.fill(RES, seek, 16)
        if rotate:
            b.wait_caught_up(RES, a)
            a.marsadm(f"log-rotate {RES}")
    b.wait_caught_up(RES, a)


# -- secondaries ------------------------------------------------------------------------------------------------------

def test_1_secondary_restored_ten_times(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        for _ in range(10):
            picture_then_more(a, b, b)
            b.kill()
            b.restore_picture()
            b.boot()
            b.wait_caught_up(RES, a)
            judge(cluster, must_be_equal=True)


def test_1c_secondary_restored_and_its_disk_comes_late(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        picture_then_more(a, b, b)
        b.run("systemctl disable -q marsd")
        b.kill()
        b.restore_picture()
        b.boot()
        b.run(f"mv {disk} {disk}.away")
        b.start_marsd()
        wait_for("marsd misses the disk", lambda: b.key(f"resource-{RES}/actual-hostB/disk-error") == "-2")
        b.run("sleep 6")
        b.run(f"mv {disk}.away {disk}")
        b.wait_caught_up(RES, a)
        judge(cluster, must_be_equal=True)
        a.fill(RES, 80, 4)
        b.wait_caught_up(RES, a)
        judge(cluster, must_be_equal=True)


def test_1d_secondary_restored_and_the_logs_are_gone(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        picture_then_more(a, b, b)
        b.kill()
        a.marsadm(f"log-delete-all {RES}", check=False)
        b.restore_picture()
        b.boot()
        heal(cluster, b, a)


def put_back_in_part(state, rotate, **part):
    """Only the disk, or only /mars, of the secondary becomes what it was."""
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        picture_then_more(a, b, b, rotate)
        b.kill()
        b.restore_picture(**part)
        b.boot()
        heal(cluster, b, a)


def test_2a_older_disk_of_a_secondary(state):
    put_back_in_part(state, rotate=False, mars=False)


def test_2b_older_mars_of_a_secondary(state):
    put_back_in_part(state, rotate=True, disks=False)


def test_2b_older_mars_of_the_primary(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        picture_then_more(a, b, a)
        a.kill()
        a.restore_picture(disks=False)
        a.boot()
        judge(cluster)
        if not a.run(f"test -e {a.device(RES)}", check=False).code == 0:
            b.marsadm(f"primary {RES}")
            heal(cluster, a, b)


def test_2c_empty_disk_of_a_secondary(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 20)
        b.wait_caught_up(RES, a)
        b.kill()
        blank(b.disk_image(RES))
        b.boot()
        heal(cluster, b, a)


def test_2c_disk_replaced_between_detach_and_attach(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 20)
        b.wait_caught_up(RES, a)
        b.marsadm(f"detach {RES}")
        b.run(f"dd if=/dev/zero of={disk} bs=1M count={SIZE // MIB} conv=fsync status=none")
        b.marsadm(f"attach {RES}", check=False)
        heal(cluster, b, a)


def test_2d_older_disk_of_the_primary(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        picture_then_more(a, b, a, rotate=False)
        a.kill()
        a.restore_picture(mars=False)
        a.boot()
        judge(cluster)
        b.marsadm(f"primary {RES}")
        heal(cluster, a, b)


def test_3_two_disks_of_different_sizes_exchange_their_names(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_resources(cluster, RES, SIZE, "other", SIZE // 2)
        b.kill()
        exchange(b.disk_image(RES), b.disk_image("other"))
        b.boot()
        for resource in (RES, "other"):
            wait_for(f"{resource} is refused",
                     lambda name=resource: b.key(f"resource-{name}/actual-hostB/disk-error") not in ("0", None))
            print(b.marsadm(f"view {resource}", check=False).out, a.marsadm(f"view {resource}", check=False).out)
        b.kill()
        exchange(b.disk_image(RES), b.disk_image("other"))
        b.boot()
        for resource in (RES, "other"):
            b.wait_caught_up(resource, a)
            judge(cluster, resource, must_be_equal=True)


# -- primaries --------------------------------------------------------------------------------------------------------

def test_1e_primary_restored(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        picture_then_more(a, b, a)
        last = b.disk_digest("/dev/disks/" + RES)
        a.kill()
        a.restore_picture()
        a.boot()
        a.wait_device(RES)
        b.wait_caught_up(RES, a)
        judge(cluster, must_be_equal=True)
        assert a.disk_digest("/dev/disks/" + RES) == last, "nothing is lost"


def test_1f_primary_restored_and_the_logs_are_gone(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        picture_then_more(a, b, a)
        a.kill()
        b.marsadm(f"log-delete-all {RES}", check=False)
        a.restore_picture()
        a.boot()
        wait_for("two rounds", lambda seen=[]: seen.append(1) or len(seen) > 40, timeout=60)
        if a.run(f"test -e {a.device(RES)}", check=False).code == 0:
            judge(cluster)
            return
        judge(cluster)
        b.marsadm(f"primary {RES}")
        heal(cluster, a, b)


def test_6c_primary_reinstalled_with_an_empty_disk(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 20)
        b.wait_caught_up(RES, a)
        a.reinstall(disk, SIZE // MIB)
        a.marsadm("join-cluster hostB")
        judge(cluster)
        b.marsadm(f"primary {RES}")
        heal(cluster, a, b)


def write_past_mars(host, disk):
    """marsd is down, and somebody mounts the disk itself, and writes."""
    host.stop_marsd()
    host.run(f"mkdir -p /m; mount {disk} /m; dd if=/dev/urandom of=/m/new bs=1M count=10 status=none; umount /m")
    host.start_marsd()


def with_filesystem(cluster):
    a, b, disk = two_hosts(cluster, RES, SIZE)
    a.run(f"mkfs.ext4 -q {a.device(RES)}; mkdir -p /m; mount {a.device(RES)} /m; echo 1 > /m/f; umount /m")
    b.wait_caught_up(RES, a)
    return a, b, disk


def test_5b_disk_of_the_primary_written_past_mars(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, disk = with_filesystem(cluster)
        write_past_mars(a, disk)
        judge(cluster)
        b.marsadm(f"primary {RES}")
        heal(cluster, a, b)


def test_5b_disk_of_a_secondary_written_past_mars(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, disk = with_filesystem(cluster)
        write_past_mars(b, disk)
        heal(cluster, b, a)


# -- logs -------------------------------------------------------------------------------------------------------------

def test_12b_damaged_log_and_the_way_to_the_primary(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 8)
        b.wait_caught_up(RES, a)
        b.marsadm(f"pause-fetch {RES}")
        a.fill(RES, 20, 8)
        a.wait_caught_up(RES, a)
        log, end, _ = a.replay(RES, "hostA")
        a.run(f"printf '\\377' | dd of=/mars/resource-{RES}/{log} bs=1 seek={end - 4 * MIB} conv=notrunc status=none")
        b.marsadm(f"resume-fetch {RES}")
        wait_for("hostB has found the damage", lambda: "DefectiveLog" in b.marsadm(f"view {RES}").out)
        refused = b.marsadm(f"primary {RES}", check=False)
        print(f"   primary on hostB: rc {refused.code}\n   {refused.out}{refused.err}")
        assert refused.code != 0 and a.key(f"resource-{RES}/primary") == "hostA", "hostA keeps its role"
        a.wait_device(RES)
        judge(cluster)
        wait_for("the codes are told", lambda: (b.key(f"resource-{RES}/actual-hostB/replay-code") or "").startswith("-74"))
        refused = b.marsadm(f"invalidate {RES}", check=False)
        assert refused.code != 0 and "log-rotate" in refused.err, refused
        a.marsadm(f"log-rotate {RES}")
        wait_for("hostA writes another log", lambda: b.replay(RES, "hostA")[0] != log)
        b.marsadm(f"invalidate {RES}")
        heal(cluster, b, a)


def test_12d_newest_log_of_the_primary_removed(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 8)
        b.wait_caught_up(RES, a)
        cluster.link(a, b).cut()
        a.fill(RES, 20, 8)
        log, _, _ = a.replay(RES, "hostA")
        a.run(f"rm /mars/resource-{RES}/{log}")
        a.fill(RES, 40, 8)
        a.kill_marsd()
        a.start_marsd()
        a.wait_device(RES)
        cluster.link(a, b).heal()
        b.wait_caught_up(RES, a)
        judge(cluster, must_be_equal=True)


def test_12d_newest_log_of_the_primary_truncated(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 8)
        b.wait_caught_up(RES, a)
        log, _, _ = a.replay(RES, "hostA")
        a.run(f"truncate -s 100k /mars/resource-{RES}/{log}")
        a.fill(RES, 40, 8)
        heal(cluster, b, a)


def test_12d_newest_log_of_a_secondary_removed(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 8)
        b.wait_caught_up(RES, a)
        log, _, _ = b.replay(RES, "hostB")
        b.run(f"rm /mars/resource-{RES}/{log}")
        a.fill(RES, 40, 8)
        b.wait_caught_up(RES, a)
        judge(cluster, must_be_equal=True)


# -- devices ----------------------------------------------------------------------------------------------------------

def test_13_thin_store_is_full_and_has_room_again(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b = cluster.hosts
        cluster.boot()
        found_cluster(a, b)
        for host in (a, b):
            host.run("truncate -s 160M /thin.img; mkfs.ext4 -q /thin.img; mkdir -p /thin; mount -o loop /thin.img /thin; "
                     "truncate -s 64M /thin/disk")
        create_resource(a, RES, "/thin/disk")
        join_resource(b, RES, "/thin/disk")
        a.fill(RES, 8, 8)
        b.wait_caught_up(RES, a)
        for host, seek, word in ((b, 30, "DiskFull"), (a, 45, "DEVICE_ERROR=-28")):
            host.run("dd if=/dev/zero of=/thin/ballast bs=64k 2>/dev/null", check=False)
            a.fill(RES, seek, 8)
            wait_for(f"{host.name} says that its disk is full", lambda h=host, w=word: w in h.marsadm(f"view {RES}").out)
            print(f"   {host.marsadm(f'view {RES}').out}")
            host.run("rm /thin/ballast")
            b.wait_caught_up(RES, a)
        digests = {host.run("sha256sum /thin/disk").out for host in (a, b)}
        assert len(digests) == 1, digests
        for host in (a, b):
            host.stop_marsd()
            host.run("umount /thin")


def test_4d_node_removed(state):
    with MarsCluster(state, NAMES) as cluster:
        a, b, _ = two_hosts(cluster, RES, SIZE)
        a.run(f"rm {a.device(RES)}")
        wait_for("the node is back", lambda: a.run(f"test -b {a.device(RES)}", check=False).code == 0)
        a.fill(RES, 8, 8)
        b.wait_caught_up(RES, a)
        judge(cluster, must_be_equal=True)


if __name__ == "__main__":
    main(globals())
