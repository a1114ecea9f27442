# SPDX-License-Identifier: GPL-2.0-or-later
"""The exported device stays ours: others detach its loop device, and try to get its number."""

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, two_hosts

RES = "mydata"


def test_a_foreign_detach_changes_nothing(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 64 * MIB)
        a.run(f"mkfs.ext4 -q {a.device(RES)}; mkdir -p /m; mount {a.device(RES)} /m; echo one > /m/one")
        loop = a.run(f"printf /dev/loop%d 0x$(stat -c %T {a.device(RES)})").out.strip()
        a.run(f"losetup -d {loop}")  # while it is mounted
        a.run("echo two > /m/two; umount /m")
        a.run(f"losetup -d {loop}", check=False)  # and when it is idle
        a.run(f"truncate -s 64M /foreign; losetup {loop} /foreign", check=False)
        a.run(f"mount {a.device(RES)} /m; test -s /m/two; echo three > /m/three; umount /m")
        assert a.run("tr -d '\\0' < /foreign | wc -c").out.strip() == "0", "nothing went into the foreign file"
        b.wait_caught_up(RES, a)
        assert a.disk_digest(disk) == b.disk_digest(disk)
        a.run(f"rm {a.device(RES)}")
        wait_for("the node is made again", lambda: a.run(f"test -b {a.device(RES)}", check=False).code == 0)
        a.run(f"rm {a.device(RES)}; mount {a.device(RES)} /m 2>/dev/null || echo lost > {a.device(RES)}", check=False)
        if a.run(f"test -f {a.device(RES)}", check=False).code == 0:
            wait_for("what is in the node's way is told",
                     lambda: "no block device" in a.key(f"resource-{RES}/actual-hostA/msg-err-replay-stop"))
            a.run(f"rm {a.device(RES)}")
        a.wait_device(RES)
        a.run("systemctl stop marsd", timeout=60)
        journal = a.run("journalctl -u marsd --no-pager -o cat").out
        assert "has been made again" in journal and "attached again" in journal, journal[-2000:]
        assert "code=killed" not in journal and "timed out" not in journal, journal[-2000:]


# The filesystem is dead from now on, as after the loss of its disk. EXT4_IOC_SHUTDOWN with the log flushed.
SHUTDOWN = "import fcntl, os; fcntl.ioctl(os.open('/mars', os.O_RDONLY), 0x8004587d, b'\\1\\0\\0\\0')"


def test_a_dead_mars_is_told(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, _ = two_hosts(cluster, RES, 64 * MIB)
        b.run(["python3", "-c", SHUTDOWN])
        wait_for("systemd is told", lambda: "nothing can be told" in b.run("systemctl status marsd", check=False).out)
        wait_for("view says how old it is", lambda: "what is shown is" in b.marsadm(f"view {RES}", check=False).err)
        b.kill()
        b.boot()
        b.wait_caught_up(RES, a)
        assert "what is shown is" not in b.marsadm(f"view {RES}").err


if __name__ == "__main__":
    main(globals())
