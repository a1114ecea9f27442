# SPDX-License-Identifier: GPL-2.0-or-later
"""State directories: what a run leaves on the machine is below one of these, or written down in it.

    /var/tmp/mars-testhosts/RUN/lock        held (flock) as long as any process of the run lives
                                keeper      pid of the process that cleans up behind the run
                                loops       loop devices that existed before the run, one identity per line
                                cgroups     control groups that the run made, one path per line
                                kept        present when the run asked to survive its command (demo --keep)
                                hosts/…     overlays, filesystem images, console logs

A run whose lock nobody holds is dead; sweep() takes away what it left. $MARS_TESTHOSTS_DIR moves the place.
"""

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile

from . import linux
from .wait import wait_for


def base_dir():
    return os.environ.get("MARS_TESTHOSTS_DIR", "/var/tmp/mars-testhosts")


@contextlib.contextmanager
def _everybody_waits():
    """Keeps a new run from being taken for a dead one before it holds its own lock."""
    os.makedirs(base_dir(), mode=0o700, exist_ok=True)
    fd = os.open(os.path.join(base_dir(), "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


class State:
    """One run's directory. Owns the lock's descriptor; processes forked later hold the lock, too."""

    def __init__(self, path, lock_fd):
        self.path = path
        self.lock_fd = lock_fd

    @classmethod
    def create(cls):
        with _everybody_waits():
            path = tempfile.mkdtemp(prefix="run-", dir=base_dir())
            lock_fd = os.open(os.path.join(path, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock_fd, fcntl.LOCK_EX)
        state = cls(path, lock_fd)
        state.write("loops", "".join(f"{loop.identity}\n" for loop in linux.attached_loops()))
        return state

    @property
    def name(self):
        return os.path.basename(self.path)

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        with open(self.file(name), "w", encoding="utf-8") as file:
            file.write(text)

    def note(self, name, line):
        """Appends a line to a list of things to undo; call it before the thing is made."""
        with open(self.file(name), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def lines(self, name):
        try:
            with open(self.file(name), encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    @property
    def kept(self):
        return os.path.exists(self.file("kept"))

    def undo(self):
        """Takes away everything the run left. Its processes must have ended. Safe to repeat."""
        for loop in self._own_loops():
            linux.detach_loop(loop.number)
        detach_orphans(set(self.lines("loops")))
        for path in self.lines("cgroups"):
            remove_cgroup(path)
        shutil.rmtree(self.path, ignore_errors=True)


    def _own_loops(self):
        """Loop devices over our images, and those over files of filesystems on such loop devices; the uppermost first."""
        attached = linux.attached_loops()
        found, layer = [], [loop for loop in attached if loop.path.startswith(self.path + "/")]
        while layer:
            found = layer + found
            below = {os.makedev(linux.LOOP_MAJOR, loop.number) for loop in layer}
            layer = [loop for loop in attached if loop.device in below]
        return found


def detach_orphans(known):
    """Unbinds loop devices over files of a filesystem that no process has mounted any more (a dead marsd's FUSE).

    known: identities that are none of our business, because they were there before.
    """
    candidates = [loop for loop in linux.attached_loops()
                  if os.major(loop.device) == 0 and loop.identity not in known]
    if not candidates:
        return
    mounted = mounted_devices()
    for loop in candidates:
        if loop.device not in mounted:
            linux.detach_loop(loop.number)


def mounted_devices(pids=None):
    """Device numbers of all filesystems mounted in the mount namespaces of `pids` (default: all processes)."""
    seen, devices = set(), set()
    for pid in pids if pids is not None else filter(str.isdigit, os.listdir("/proc")):
        try:
            namespace = os.readlink(f"/proc/{pid}/ns/mnt")
            if namespace in seen:
                continue
            with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as file:
                devices.update(os.makedev(*map(int, line.split()[2].split(":"))) for line in file)
            seen.add(namespace)
        except OSError:
            continue  # the process has ended meanwhile
    return devices


def remove_cgroup(path):
    """Removes a control group with all below it, once its processes, which are ending, have ended."""
    def removed():
        for folder, _, _ in os.walk(path, topdown=False):
            try:
                os.rmdir(folder)
            except OSError as error:
                raise AssertionError(str(error)) from None
        return True

    wait_for(f"the end of all processes in {path}", removed, timeout=30)


def is_locked(path):
    """Does a process of this run still live?"""
    try:
        fd = os.open(os.path.join(path, "lock"), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


def runs():
    """Paths of all state directories."""
    try:
        return sorted(os.path.join(base_dir(), name) for name in os.listdir(base_dir()) if name.startswith("run-"))
    except FileNotFoundError:
        return []


def sweep():
    """Cleans up behind all dead runs. Returns their names. What cannot be removed is reported and left to the next."""
    swept = []
    with _everybody_waits():
        for path in filter(lambda run: not is_locked(run), runs()):
            try:
                State(path, -1).undo()
                swept.append(os.path.basename(path))
            except (OSError, AssertionError) as error:
                print(f"cannot clean up {path}: {error}", file=sys.stderr)
    return swept
