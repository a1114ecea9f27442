# SPDX-License-Identifier: GPL-2.0-or-later
"""The few system calls that the harness needs and Python 3.11 does not offer: mount, unshare, prctl, loop ioctls.

Everything here raises OSError on failure, like the os module. Nothing keeps state.
"""

import ctypes
import fcntl
import os
import struct
from dataclasses import dataclass

MS_PRIVATE_RECURSIVE = (1 << 18) | (1 << 14)
CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
MNT_DETACH = 2

LOOP_SET_STATUS64 = 0x4C04
LOOP_GET_STATUS64 = 0x4C05
LOOP_CLR_FD = 0x4C01
LOOP_CONFIGURE = 0x4C0A
LOOP_CTL_GET_FREE = 0x4C82
LO_FLAGS_AUTOCLEAR = 4
LO_FLAGS_DIRECT_IO = 16
LOOP_INFO64_BYTES = 232
LOOP_MAJOR = 7

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def mount(source, target, fstype=None, flags=0, data=None):
    """Mounts like mount(2). Strings or None."""
    raw = [os.fsencode(x) if x is not None else None for x in (source, target, fstype)]
    options = data.encode() if data is not None else None
    _check(_libc.mount(raw[0], raw[1], raw[2], ctypes.c_ulong(flags), options), f"mount {target}")


def umount(target, flags=0):
    """Unmounts like umount2(2); flags = MNT_DETACH takes it away while it is still in use."""
    _check(_libc.umount2(os.fsencode(target), flags), f"umount {target}")


def unshare(flags):
    """Moves this process (for CLONE_NEWPID: its future children) into new namespaces."""
    _check(_libc.unshare(flags), "unshare")


def die_with_parent(signal_number):
    """Has the kernel send `signal_number` to this process when its parent ends, however it ends."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl")


def adopt_orphans():
    """Makes this process the parent of its descendants whose own parent ends."""
    _check(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


@dataclass(frozen=True)
class LoopInfo:
    """What a loop device is bound to. `device` and `inode` name the backing file, also when its path is gone; `sequence` is
    the kernel's number of this binding, another one each time."""

    number: int
    device: int
    inode: int
    path: str
    sequence: int

    @property
    def identity(self):
        return f"{self.number} {self.device} {self.inode} {self.sequence}"


def _loop_node(number):
    """Opens loop device `number`; makes a node of its own if /dev has none."""
    path = f"/dev/loop{number}"
    if not os.path.exists(path):
        os.mknod(path, 0o660 | 0o060000, os.makedev(LOOP_MAJOR, number))
    return os.open(path, os.O_RDWR | os.O_CLOEXEC)


def attached_loops():
    """All bound loop devices of the machine, as a list of LoopInfo."""
    found = []
    for entry in os.listdir("/sys/block"):
        if not entry.startswith("loop"):
            continue
        backing = f"/sys/block/{entry}/loop/backing_file"
        try:
            with open(backing, encoding="utf-8", errors="replace") as file:
                path = file.read().rstrip("\n")
            info = _loop_info(int(entry[4:]), path)
        except OSError:
            continue  # unbound, or unbound just now
        if info:
            found.append(info)
    return found


def _loop_info(number, path):
    fd = os.open(f"/dev/loop{number}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        raw = bytearray(LOOP_INFO64_BYTES)
        fcntl.ioctl(fd, LOOP_GET_STATUS64, raw)
    finally:
        os.close(fd)
    device, inode = struct.unpack_from("=QQ", raw)
    with open(f"/sys/block/loop{number}/diskseq", encoding="ascii") as file:
        sequence = int(file.read())
    return LoopInfo(number, _kernel_dev(device), inode, path, sequence)


def _kernel_dev(value):
    """loop_info64 carries the kernel's huge_encode_dev(); userspace's makedev() is the same for small numbers."""
    return os.makedev((value >> 8) & 0xFFF, (value & 0xFF) | ((value >> 12) & 0xFFF00))


def attach_loop(path, tries=20):
    """Binds a free loop device to `path`: direct I/O, cleared by the kernel when the last opener closes.

    Returns (number, fd). The binding lives as long as the fd or another opener (a mount, say).
    """
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    backing = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        for _ in range(tries):
            number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
            fd = _loop_node(number)
            config = bytearray(304)
            struct.pack_into("=II", config, 0, backing, 0)
            struct.pack_into("=I", config, 8 + 52, LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO)
            try:
                fcntl.ioctl(fd, LOOP_CONFIGURE, config)
                return number, fd
            except OSError as error:
                os.close(fd)  # somebody else was faster
                last = error
        raise last
    finally:
        os.close(backing)
        os.close(control)


def detach_loop(number):
    """Unbinds a loop device; one that is still in use goes when its last opener closes. Returns False if unbound."""
    try:
        fd = os.open(f"/dev/loop{number}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.ioctl(fd, LOOP_CLR_FD)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
