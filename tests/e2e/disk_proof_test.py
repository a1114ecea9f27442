# SPDX-License-Identifier: GPL-2.0-or-later
"""A replica proves its disk: empty, older, swapped and foreign disks are found at the next attach, on both roles.

Each test ends with equal disks, or with a state that says why they are not, on every member.
"""

import shutil

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, assert_equal_disks, two_hosts, two_resources

RES = "mydata"
SIZE = 64 * MIB


def wait_refused(host, others, resource=RES):
    """The disk of `host` is not believed in: says so on every member, and nobody lets it become primary."""
    for member in [host, *others]:
        wait_for(f"{member.name} knows of the wrong disk of {host.name}",
                 lambda m=member: m.key(f"resource-{resource}/actual-{host.name}/disk-error") == "-116")
    why = host.key(f"resource-{resource}/actual-{host.name}/msg-err-disk-mismatch")
    assert "differs from what" in why and "invalidate" in why, why


def invalidate(host, primary, resource=RES):
    host.marsadm(f"invalidate {resource}")
    host.wait_caught_up(resource, primary)


def test_an_empty_disk_of_a_secondary(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 20)
        b.wait_caught_up(RES, a)
        b.kill()
        with open(b.disk_image(RES), "r+b") as image:
            image.truncate(0)
            image.truncate(SIZE)
        b.boot()
        wait_refused(b, [a])
        assert b.marsadm(f"primary {RES}", check=False).code != 0
        invalidate(b, a)
        assert_equal_disks(cluster, disk)


def test_an_older_disk_of_a_secondary_and_then_the_right_one(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        a.fill(RES, 8, 8)
        b.wait_caught_up(RES, a)
        b.kill()
        older, right = b.disk_image(RES) + ".older", b.disk_image(RES) + ".right"
        shutil.copyfile(b.disk_image(RES), older)
        b.boot()
        a.fill(RES, 20, 20)
        b.wait_caught_up(RES, a)
        b.kill()
        shutil.copyfile(b.disk_image(RES), right)
        shutil.copyfile(older, b.disk_image(RES))
        b.boot()
        wait_refused(b, [a])
        b.kill()
        shutil.copyfile(right, b.disk_image(RES))
        b.boot()
        a.fill(RES, 50, 4)
        b.wait_caught_up(RES, a)
        assert_equal_disks(cluster, disk)


def test_two_disks_exchange_their_names(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_resources(cluster, RES, SIZE, "other", SIZE)
        for host, peer in ((b, a), (a, b)):
            host.kill()
            first, second = host.disk_image(RES), host.disk_image("other")
            for source, target in ((first, first + ".tmp"), (second, first), (first + ".tmp", second)):
                shutil.copyfile(source, target)
            host.boot()
            wait_refused(host, [peer])
            wait_refused(host, [peer], "other")
            if host is a:
                assert host.run(f"test -e {host.device(RES)}", check=False).code != 0, "no device over a foreign disk"
            host.kill()
            for source, target in ((first, first + ".tmp"), (second, first), (first + ".tmp", second)):
                shutil.copyfile(source, target)
            host.boot()
            a.wait_device(RES)
            a.wait_device("other")
        for resource in (RES, "other"):
            a.fill(resource, 30, 4)
            b.wait_caught_up(resource, a)
        assert_equal_disks(cluster, disk, "/dev/disks/other")


def test_a_disk_that_somebody_mounted(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        a.run(f"mkfs.ext4 -q {a.device(RES)}")
        b.wait_caught_up(RES, a)
        b.stop_marsd()
        b.run(f"mkdir -p /m; mount {disk} /m; dd if=/dev/urandom of=/m/foreign bs=1M count=4 status=none")
        b.start_marsd()
        wait_for("marsd has seen that the disk is in use",
                 lambda: b.key(f"resource-{RES}/actual-hostB/disk-error") == "-16")
        b.run("umount /m")
        wait_for("the disk is back", lambda: b.key(f"resource-{RES}/actual-hostB/disk-error") == "0")
        a.fill(RES, 40, 2)
        b.wait_caught_up(RES, a)
        assert_equal_disks(cluster, disk)


if __name__ == "__main__":
    main(globals())
