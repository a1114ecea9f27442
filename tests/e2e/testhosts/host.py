# SPDX-License-Identifier: GPL-2.0-or-later
"""Host: one test host. A full systemd in a container, on an overlay of this machine's root, with its own disks.

Its power can be cut (kill) and given back (boot): then the overlay, /mars and all disks are as they were left, and
processes, mounts, sockets and everything below /run, /dev and /tmp are gone. What the kernel had not written back to the
disk images by then is *not* lost: the page cache belongs to the machine. See docs/testing.md for what does lose it.
"""

import os
import signal
import socket
import subprocess
import time

from . import linux, rootfs, shell
from .cgroups import Cgroup
from .state import mounted_devices
from .wait import wait_for

BOOT_SECONDS = 60


class Host:
    """Made by Cluster. Attributes for tests: name, index (1, 2, …), address, up."""

    def __init__(self, state, network, name, index, mars_size):
        self.name = name
        self.index = index
        self.address = f"10.77.{index}.2"
        self.folder = state.file(f"hosts/{name}")
        self.root = os.path.join(self.folder, "root")
        self.programs = {}  # path on the machine -> path in the host, read-only
        self._state = state
        self._network = network
        self._disks = {}  # name -> size
        self._loops = []  # (number, fd) while up
        self._nspawn = None
        self._leader = None
        self._ready = None
        rootfs.make_overlay(self.folder)
        self.mars_image = self._make_image("mars.img", mars_size)
        inodes = max(4096, mars_size // (256 << 10))  # the usual number would have the kernel fill tables for minutes
        shell.run(["mkfs.ext4", "-q", "-F", "-E", "nodiscard", "-N", str(inodes), self.mars_image])

    # -- power ---------------------------------------------------------------------------------------------------

    @property
    def up(self):
        return self._nspawn is not None

    def boot(self, wait=True):
        """Switches the host on; with wait=True until its start-up jobs, sshd among them, have finished."""
        assert not self.up, f"{self.name} is up already"
        self._network.attach(self)
        nodes = [f"b+ /dev/disks/{name} 0660 root disk - 7:{self._bind(self._image(name))}" for name in self._disks]
        rootfs.write_devices(self.root, nodes)
        self._start(self._bind(self.mars_image))
        if wait:
            self.wait_booted()

    def wait_booted(self):
        """Waits for the end of a boot that was started with wait=False."""
        self._ready.settimeout(BOOT_SECONDS)
        try:
            while b"READY=1" not in self._ready.recv(4096):
                pass
        except TimeoutError:
            raise AssertionError(f"{self.name} did not boot within {BOOT_SECONDS} s; its console said:\n"
                                 f"{self.console()[-4000:]}") from None
        finally:
            self._ready.close()
        self._leader = only_child(self._nspawn.pid)

    def kill(self):
        """Cuts the power. Peers see silence, not closed connections. Disks keep what they have."""
        assert self.up, f"{self.name} is down already"
        self._network.silence(self, True)
        own_loops = self._loops_made_inside()
        self._end_processes()
        for loop in own_loops:
            linux.detach_loop(loop.number)
        self._network.detach(self)
        for _, fd in self._loops:
            os.close(fd)
        numbers = {number for number, _ in self._loops}
        self._loops = []
        wait_for(f"{self.name}: its disks are free again", lambda: not _bound(numbers, self.folder), timeout=30)
        self._network.silence(self, False)

    def reboot(self):
        """Power off and on again."""
        self.kill()
        self.boot()

    def close(self):
        """Ends the host for good."""
        if self.up:
            self.kill()
        linux.umount(self.root)

    # -- what a test does on it -----------------------------------------------------------------------------------

    def run(self, command, check=True, timeout=60.0, stdin=None):
        """Runs a command as root on the host, see shell.run. command: list, or string for sh."""
        return shell.run(command, check, timeout, stdin, self._enter(), self.name)

    def popen(self, command, **options):
        """Starts a command in the background; options as for subprocess.Popen. The caller ends it."""
        return subprocess.Popen([*self._enter(), *shell.as_argv(command)], start_new_session=True, **options)

    def write_file(self, path, text, mode=0o644):
        """Writes a file; works on a host that is down, too (but not below /mars, /run, /dev, /tmp then)."""
        if self.up:
            self.run(["sh", "-c", 'umask 077; mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"',
                      "write_file", path, f"{mode:o}"], stdin=text)
        else:
            rootfs.write(self.root, path, text, mode)

    def read_file(self, path):
        """The content of a text file."""
        return self.run(["cat", path]).out

    def copy_in(self, source, path, mode=0o755):
        """Copies a file of this machine into the host."""
        with open(source, "rb") as file:
            self.write_file(path, file.read(), mode)

    def add_disk(self, name, size):
        """A block device /dev/disks/NAME of `size` bytes, zeros at first. The host must be down. Returns its path."""
        assert not self.up, f"{self.name}: disks are added while the host is down"
        self._make_image(f"disk-{name}", size)
        self._disks[name] = size
        return f"/dev/disks/{name}"

    def disk_image(self, name):
        """Path on this machine of a disk's content. Don't write to it while the host is up."""
        return self._image(name)

    def add_file_disk(self, name, size):
        """A sparse file /disks/NAME outside of the overlay. Returns its path in the host."""
        assert not self.up, f"{self.name}: disks are added while the host is down"
        self._make_image(f"disks/{name}", size)
        return f"/disks/{name}"

    def take_picture(self):
        """Copies /mars and all disks as they are. The host must be down."""
        assert not self.up, f"{self.name}: pictures are taken while the host is down"
        for image in self._stores():
            shell.run(["cp", "--sparse=always", image, image + ".picture"])

    def restore_picture(self, mars=True, disks=True):
        """Puts back what take_picture() has copied. The host must be down."""
        assert not self.up, f"{self.name}: pictures are put back while the host is down"
        for image in self._stores():
            if mars if image == self.mars_image else disks:
                os.replace(image + ".picture", image)

    def provide(self, source, path):
        """Shows a file or folder of this machine in the host, read-only. From the next boot on."""
        self.programs[source] = path

    def complaints(self):
        """What went wrong without anybody's noticing, one line each; for hosts that run something."""
        return []

    def console(self):
        """What the host has printed on its console since the first boot, the journal included."""
        try:
            with open(os.path.join(self.folder, "console.log"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    @property
    def leader(self):
        """pid (here) of the host's pid 1, for nsenter."""
        return self._leader

    def unplug(self):
        """Pulls the network cable."""
        self._network.unplug(self)

    def plug(self):
        self._network.plug(self)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _enter(self):
        assert self._leader, f"{self.name} is down"
        return ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "env", "-i", "HOME=/root",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "TERM=dumb"]

    def _stores(self):
        return [self.mars_image, *(self._image(name) for name in self._disks)]

    def _image(self, name):
        return os.path.join(self.folder, f"disk-{name}")

    def _make_image(self, name, size):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.truncate(size)
        return path

    def _bind(self, image):
        number, fd = linux.attach_loop(image)
        self._loops.append((number, fd))
        return number

    def _enter_container(self, cgroup, mars_loop):
        """Runs between fork and exec. /mars is mounted for this host alone, so that it goes when the host goes."""
        cgroup.enter()
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount(None, "/", flags=linux.MS_PRIVATE_RECURSIVE)
        mars = os.path.join(self.folder, "mars")
        linux.mount(f"/dev/loop{mars_loop}", mars, "ext4")
        os.chmod(mars, 0o700)

    def _start(self, mars_loop):
        os.makedirs(os.path.join(self.folder, "mars"), exist_ok=True)
        path = os.path.join(self.folder, "ready")
        self._ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if os.path.exists(path):
            os.unlink(path)
        self._ready.bind(path)
        cgroup = Cgroup(self._state, f"{self._state.name}-{self.name}")
        environment = {"PATH": os.environ.get("PATH", ""), "NOTIFY_SOCKET": path, "SYSTEMD_SECCOMP": "0",
                       "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
        with open(os.path.join(self.folder, "console.log"), "ab") as console:
            self._nspawn = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                                            preexec_fn=lambda: self._enter_container(cgroup, mars_loop),
                                            env=environment, start_new_session=True)

    def _command(self):
        binds = [_bind_option("", os.path.join(self.folder, "mars"), "/mars"), _bind_option("", "/dev/fuse", "/dev/fuse"),
                 _bind_option("", "/dev/loop-control", "/dev/loop-control")]
        if os.path.isdir(os.path.join(self.folder, "disks")):
            binds.append(_bind_option("", os.path.join(self.folder, "disks"), "/disks"))
        binds += [_bind_option("-ro", source, path) for source, path in self.programs.items()]
        return ["systemd-nspawn", "--boot", "--quiet", "--register=no", "--keep-unit", f"--machine={self.name}",
                f"--directory={self.root}", f"--network-namespace-path=/run/netns/{self.name}", "--capability=all",
                "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--notify-ready=yes", "--console=pipe",
                *binds]

    def _end_processes(self):
        """Kills pid 1 (the kernel takes all others of the host along) and waits for the container's end."""
        os.kill(self._leader or self._nspawn.pid, signal.SIGKILL)
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._nspawn = self._leader = None

    def _loops_made_inside(self):
        """Loop devices over files that only this host has mounted (a marsd's FUSE filesystem, say)."""
        if not self._leader:
            return []
        inside = mounted_devices([self._leader]) - mounted_devices([os.getpid()])
        return [loop for loop in linux.attached_loops() if loop.device in inside]


def _bound(numbers, folder):
    return [loop for loop in linux.attached_loops() if loop.number in numbers and loop.path.startswith(folder + "/")]


def _bind_option(kind, source, path):
    escaped = source.replace("\\", "\\\\").replace(":", "\\:")
    return f"--bind{kind}={escaped}:{path}"


def only_child(pid):
    """The container's pid 1: the process below `pid` that is number 1 in its own namespace."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            for child in file.read().split():
                with open(f"/proc/{child}/status", encoding="ascii", errors="replace") as status:
                    if any(line.startswith("NSpid:") and line.split()[-1] == "1" for line in status):
                        return int(child)
    raise AssertionError(f"the container of process {pid} has no pid 1")
