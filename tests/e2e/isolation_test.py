# SPDX-License-Identifier: GPL-2.0-or-later
"""A bad disk stops its own resource only: its neighbours are written, replicated, rotated and handed over.

    hostA ─── hostB     good   /dev/disks/good
                        bad    /bad/disk, a file on an ext4 of its own, which is frozen, filled, or shut down

A frozen filesystem is like a storage network without a path: operations neither succeed nor fail, and whoever waits for
them cannot be killed. Whatever happens, it is thawed before anything is stopped.
"""

import contextlib
import os
import signal
import time

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, create_resource, found_cluster, join_resource
from testhosts.witness import Witness

SIZE = 64 * MIB
SMALL_BLOCKS = 4096  # 16 MiB of scattered small writes: many requests to the disk at once
LARGE_WRITERS = 3    # 16 MiB each, behind the small ones, again and again: they fill the memory of buffered writes
MEASURED_SECONDS = float(os.environ.get("MARS_MEASURED_SECONDS", 1.5))
PATIENCE_SECONDS = 120  # then a test ends itself: after ctest's SIGKILL, nobody would be left to thaw

# Soon full.
MARSD_MEMORY = "[Service]\nExecStart=\nExecStart=/usr/local/sbin/marsd --memory=64\n"
LARGE_WRITER = ("head -c 16M /dev/urandom > /root/large$0; while dd if=/root/large$0 of=/dev/mars/bad bs=1M "
                "seek=$((16 + 16 * $0)) oflag=direct conv=notrunc status=none 2>/dev/null; do :; done")

# All its writes fail with EIO from now on, until it is mounted again. EXT4_IOC_SHUTDOWN with the log flushed.
SHUTDOWN = "import fcntl, os; fcntl.ioctl(os.open('/bad', os.O_RDONLY), 0x8004587d, b'\\1\\0\\0\\0')"


class Load:
    """Writers on both resources of a primary. stop() needs disks on which writes end."""

    def __init__(self, host):
        self.host = host
        self.good = Witness("/dev/mars/good", threads=4)
        self.bad = Witness("/dev/mars/bad", blocks=SMALL_BLOCKS)
        self._large = []

    def start_large(self):
        self._large = [self.host.popen(["sh", "-c", LARGE_WRITER, str(number)]) for number in range(LARGE_WRITERS)]

    def wait_stalled(self):
        """Waits until `bad` takes nothing more: the memory is full of what its disk does not take."""
        seen = []

        def stalled():
            seen.append(len(self.bad.acknowledged))
            assert len(seen) >= 8 and seen[-8] == seen[-1], f"{seen[-1]} small writes were acknowledged"
            return True

        wait_for("writes to bad stall", stalled, interval=0.1)

    def wait_failed(self):
        """Waits until writes to `bad` fail, because there is no more memory for what its disk refuses."""
        self.bad.wait_end()

    def stop(self):
        for process in self._large:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._large = []
        self.bad.stop()
        self.good.stop()

    def measure(self, what):
        """Prints how many writes a second are acknowledged on `good`."""
        begin, first = time.monotonic(), len(self.good.acknowledged)
        wait_for("the end of the measurement", lambda: time.monotonic() >= begin + MEASURED_SECONDS, MEASURED_SECONDS + 60)
        rate = (len(self.good.acknowledged) - first) / (time.monotonic() - begin)
        print(f"   {rate:6.0f} writes/s on good {what}", flush=True)


@contextlib.contextmanager
def frozen(host):
    """The disk of `bad` hangs there, for PATIENCE_SECONDS at most."""
    def thaw():
        host.run("fsfreeze -u /bad", check=False)  # refused when it is thawed already

    def give_up(_number, _frame):
        thaw()  # first: what is waited for may be a process that cannot be killed before
        raise AssertionError(f"still frozen after {PATIENCE_SECONDS} s: something hangs that has nothing to do with bad")

    signal.signal(signal.SIGALRM, give_up)
    host.run("fsfreeze -f /bad")
    signal.alarm(PATIENCE_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        thaw()


@contextlib.contextmanager
def two_resources(state):
    """hostA, primary of both, hostB, and the load for hostA, which is stopped at the end."""
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = cluster.hosts
        for host in (a, b):
            good = host.add_disk("good", SIZE)
            image = host.add_file_disk("bad.img", 2 * SIZE)
            host.write_file("/etc/systemd/system/marsd.service.d/memory.conf", MARSD_MEMORY)
        cluster.boot()
        found_cluster(a, b)
        for host in (a, b):
            host.run(f"mkfs.ext4 -q {image}; mkdir /bad; mount -o loop {image} /bad; truncate -s {SIZE} /bad/disk")
        for resource, disk in (("good", good), ("bad", "/bad/disk")):
            create_resource(a, resource, disk)
            join_resource(b, resource, disk)
        for resource in ("good", "bad"):
            b.wait_caught_up(resource, a)
        load = Load(a)
        load.good.start(a)
        try:
            load.good.wait_for_more(100)
            load.measure("alone")
            yield a, b, load
        finally:
            load.stop()


def check_good(load, a, b):
    """`good` is written, replicated, rotated, handed over and back, now."""
    load.good.wait_for_more(200, timeout=30)
    load.good.stop()
    b.wait_caught_up("good", a, timeout=30)
    a.marsadm("log-rotate good", timeout=30)
    for old, new in ((a, b), (b, a)):
        for host in (a, b):
            host.marsadm("view all", timeout=30)
        new.marsadm("primary good", timeout=60)
        load.good.start(new)
        load.good.wait_for_more(200, timeout=30)
        load.good.stop()
        old.wait_caught_up("good", new, timeout=30)


def check_all(load, a, b):
    """`bad` works again: it is written, and all replicas become equal and hold what was acknowledged."""
    load.bad.wait_for_more(200)
    load.stop()
    for resource, disk in (("good", "/dev/disks/good"), ("bad", "/bad/disk")):
        b.wait_caught_up(resource, a)
        assert len({host.run(f"sha256sum {disk}").out for host in (a, b)}) == 1, f"{disk} differs"
    load.good.check(a)
    load.bad.check(a)
    for host in (a, b):
        host.stop_marsd()
        host.run("umount /bad")


def remount(host):
    """The disk of `bad` is back, as another device: whoever has the old one open, as marsd has, gets errors for ever."""
    host.run("umount -l /bad; mount $(losetup --find --show /disks/bad.img) /bad")


@contextlib.contextmanager
def open_device(host, resource):
    """Somebody has the device open all the time."""
    holder = host.popen(["sh", "-c", f"exec sleep 1000 < /dev/mars/{resource}"])
    try:
        wait_for("the device is open", lambda: host.key(f"resource-{resource}/actual-{host.name}/open-count") != "0")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()


def says(host, word):
    def is_said():
        view = host.marsadm("view bad", timeout=30)
        return word in view.out + view.err  # what is new is a warning, later it is in the picture

    wait_for(f"{host.name} says {word}", is_said)


def test_a_disk_that_hangs_on_the_primary(state):
    with two_resources(state) as (a, b, load):
        load.bad.start(a)
        load.bad.wait_for_more(100)
        with frozen(a):
            load.start_large()
            load.wait_stalled()
            load.measure("while the disk of bad hangs")
            check_good(load, a, b)
            for host in (a, b):
                says(host, "has not answered a request")
        check_all(load, a, b)


def test_a_disk_that_hangs_on_the_secondary(state):
    with two_resources(state) as (a, b, load):
        load.bad.start(a)
        load.bad.wait_for_more(100)
        # Its primary is healthy, and so goes on writing there: like is compared with like.
        load.measure("beside a healthy bad, which is written to as well")
        with frozen(b):
            a.fill("bad", 16, 48)
            load.bad.wait_for_more(2000)
            load.measure("while the disk of bad hangs on the other host")
            check_good(load, a, b)
            load.bad.wait_for_more(200)
        check_all(load, a, b)


def test_a_disk_that_is_full(state):
    with two_resources(state) as (a, b, load):
        for host in (a, b):
            host.run("dd if=/dev/zero of=/bad/ballast bs=64k 2>/dev/null", check=False)
        load.bad.start(a)
        load.start_large()
        says(a, "DEVICE_ERROR=-28")
        says(b, "DiskFull")
        load.wait_failed()
        load.measure("while the disks of bad are full")
        check_good(load, a, b)
        for host in (a, b):
            host.run("rm /bad/ballast")
        b.wait_caught_up("bad", a)
        load.bad.start(a)
        check_all(load, a, b)


def test_a_disk_that_fails_all_writes(state):
    with two_resources(state) as (a, b, load):
        load.bad.start(a)
        load.bad.wait_for_more(100)
        a.run(["python3", "-c", SHUTDOWN])
        load.start_large()
        says(a, "DEVICE_ERROR=-5")
        load.wait_failed()
        load.measure("while the disk of bad fails")
        check_good(load, a, b)
        with open_device(a, "bad"):
            remount(a)
            wait_for("the primary writes to its disk again", lambda: a.key("resource-bad/actual-hostA/if-state") == "0")
            load.bad.start(a)
            load.bad.wait_for_more(100)
        # The same on the other side.
        b.run(["python3", "-c", SHUTDOWN])
        says(b, "DiskError")
        remount(b)
        load.good.start(a)
        check_all(load, a, b)


if __name__ == "__main__":
    main(globals())
