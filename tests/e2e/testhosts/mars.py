# SPDX-License-Identifier: GPL-2.0-or-later
"""MarsHost: a test host with marsd and marsadm installed, and what tests ask of them again and again.

Tests decide by the keys of the /mars tree (docs/formats/symlink-tree.md), which are stable, and show people `marsadm view`.
"""

import contextlib
import os
import re
import shlex
import subprocess

from . import linux, rootfs
from .cluster import GIB, Cluster
from .host import Host
from .runner import REPOSITORY
from .wait import Timeout, wait_for

BIN = os.environ.get("MARS_BIN", os.path.join(REPOSITORY, "build/bin"))
TESTS = os.path.join(REPOSITORY, "tests/e2e")
MARS_BYTES = 16 * GIB  # sparse; below 8 GiB of free space, marsd counts as short of it
BIN_INSIDE = "/usr/lib/mars/bin"
TESTS_INSIDE = "/usr/lib/mars/tests"
DELETED = ".deleted"

# Keys that a daemon rewrites all the time although nothing happened. open-count follows every program that looks into the
# device, a little later: wait_device() above all, and udev where it runs.
_RESTLESS = re.compile(r"/(amount|ops)-|(^|/)actual-[^/]+/(time|alive|ask|answer-[^/|]+|read-stamp|read-time|open-count|msg-.*|.*-rate|rest-space|.*-timestamp)\|"
                       r"|\.(log|status)\|")


# What no journal may say, whatever the test was about.
_ALARMS = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|Start request repeated|marsd\.service: .*timed out. Killing"
                     r"|marsd\.service: Failed with result '(core-dump|watchdog|timeout)'")
_ENDED = re.compile(r"marsd\.service: Main process exited, code=(?:killed|dumped), status=(\S+)")
_CRASHES = {128 + number for number in (4, 6, 7, 8, 11)}  # ILL, ABRT, BUS, FPE, SEGV


class MarsHost(Host):
    """marsd is installed, but neither enabled nor started: start_marsd() does that, once there is a cluster."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.kills_sent = 0  # SIGKILLs that the test has sent to marsd
        self._journal = ""  # of marsd, from earlier boots
        for program in ("marsd", "marsadm"):
            if not os.access(os.path.join(BIN, program), os.X_OK):
                raise AssertionError(f"{BIN}/{program} is missing: run script/build")
        self.provide(BIN, BIN_INSIDE)
        self.provide(TESTS, TESTS_INSIDE)
        for program in ("marsd", "marsadm"):
            os.symlink(f"{BIN_INSIDE}/{program}", os.path.join(self.root, "usr/local/sbin", program))
        with open(os.path.join(REPOSITORY, "templates/marsd.service"), encoding="utf-8") as file:
            unit = file.read().replace("/usr/sbin/", "/usr/local/sbin/")
        rootfs.write(self.root, "etc/systemd/system/marsd.service", unit)
        # A test that kills marsd wants to be the one who starts it again.
        rootfs.write(self.root, "etc/systemd/system/marsd.service.d/tests.conf", "[Service]\nRestart=no\n")

    # -- marsd ----------------------------------------------------------------------------------------------------

    def start_marsd(self, timeout=60.0):
        """Returns when marsd says that it is ready."""
        self.run("systemctl reset-failed marsd 2>/dev/null; systemctl enable -q marsd; systemctl start marsd",
                 timeout=timeout)

    def stop_marsd(self):
        self.run("systemctl stop marsd", timeout=100)

    def kill_marsd(self):
        """SIGKILL, and waits until systemd has seen the end of it."""
        self.kills_sent += 1
        self.run("systemctl kill --signal=KILL marsd", check=False)
        wait_for(f"{self.name}: marsd is dead",
                 lambda: self.run("systemctl is-active marsd", check=False).out.strip() in ("failed", "inactive"))

    # -- marsadm --------------------------------------------------------------------------------------------------

    def marsadm(self, arguments, check=True, timeout=180.0):
        """Runs marsadm. arguments: one string, split like a shell would."""
        result = self.run(["marsadm", *shlex.split(arguments)], check=check, timeout=timeout)
        assert result.code not in _CRASHES, f"{self.name}: marsadm {arguments} ended by a signal: {result.code}"
        return result

    def kill(self):
        self._journal += self._read_journal()  # it is in memory only
        super().kill()

    def _read_journal(self):
        return self.run("journalctl -u marsd --no-pager -o cat", check=False, timeout=30).out if self._leader else ""

    def complaints(self):
        """Ends of marsd by signals that nobody sent, stops that had to be enforced, reports of sanitizers, cores."""
        text = self._journal + (self._read_journal() if self.up else "")
        found = [line for line in text.splitlines() if _ALARMS.search(line)]
        ends = _ENDED.findall(text)
        found += [f"marsd was ended by {status}" for status in ends if status != "9/KILL"]
        if ends.count("9/KILL") > self.kills_sent:
            found.append(f"marsd was killed {ends.count('9/KILL')} times, {self.kills_sent} of them by the test")
        if self.up and (cores := self.run("find / -maxdepth 1 -name 'core*' -type f; "
                                         "find /var/lib/systemd/coredump -type f", check=False).out.split()):
            found.append(f"cores: {' '.join(cores)}")
        return found

    def memory_complaint(self):
        """marsd has used more memory than docs/architecture.md ("Memory") says; empty if not."""
        pid = self.run("systemctl show -p MainPID --value marsd", check=False).out.strip()
        if pid in ("", "0") or self.run(f"grep -q libasan /proc/{pid}/maps", check=False).code == 0:
            return []
        peak = re.search(r"VmHWM:\s+(\d+) kB", self.run(f"cat /proc/{pid}/status", check=False).out)
        limit = re.search(r"--memory=(\d+)", self.run(f"cat /proc/{pid}/cmdline", check=False).out.replace("\0", " "))
        keys, resources = map(int, self.run("find /mars -type l | wc -l; ls -d /mars/resource-* 2>/dev/null | wc -l").out.split())
        most = 48 + int(limit[1] if limit else 256) + 32 + keys / 512 + (1 + 20 + 100) * resources
        if not peak or int(peak[1]) / 1024 <= most:
            return []
        return [f"marsd has used {int(peak[1]) // 1024} MiB, expected {most:.0f} at most"]

    def leftovers(self):
        """Stops marsd, and names what an orderly stop leaves behind: processes, FUSE mounts, loop devices.

        Hosts on which marsd does not run, or on which something of the test still uses a device, tell nothing.
        """
        in_use = ("ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q -- '-> /dev/mars/[^.]' || "
                  "grep -E '^/dev/(loop|mars)' /proc/mounts | grep -vq ' /mars '")
        if self.run("systemctl is-active marsd", check=False).out.strip() != "active" or self.run(in_use, check=False).code == 0:
            return []
        made = {loop.identity for loop in self._loops_made_inside()}
        self.stop_marsd()
        loops = {}

        def gone():
            loops.clear()
            loops.update((loop.number, loop.path) for loop in linux.attached_loops() if loop.identity in made)
            return not loops

        with contextlib.suppress(Timeout):
            wait_for("the kernel has let go of the loop devices", gone, timeout=5)
        found = [f"the process {line}" for line in self.run("pgrep -a marsd", check=False).out.splitlines()]
        found += [f"the mount {line}" for line in self.run("grep ' fuse' /proc/mounts", check=False).out.splitlines()]
        found += [f"/dev/loop{number} over {path}" for number, path in sorted(loops.items())]
        return [f"{one} is left after the stop of marsd" for one in found]

    def resting(self, resource):
        """The position of a replica that calls itself UpToDate and has nothing to do; None for all others."""
        if self.run("systemctl is-active marsd", check=False).out.strip() != "active":
            return None
        state = self.marsadm(f"view-diskstate {resource}", check=False, timeout=20).out.strip()
        position = self.replay(resource, self.name)
        return position if state == "UpToDate" and position and position[2] == 0 else None

    def store(self, resource):
        """The file on this machine that has the content of the resource's disk; None if there is none."""
        path = self.key(f"resource-{resource}/data-{self.name}") or ""
        for prefix, image in (("/dev/disks/", "disk-"), ("/disks/", "disks/")):
            if path.startswith(prefix):
                return os.path.join(self.folder, image + path.removeprefix(prefix))
        return None

    def view(self, macro, resource):
        """The one value that `marsadm view-MACRO RESOURCE` prints."""
        return self.marsadm(f"view-{macro} {resource}", timeout=20).out.strip()

    # -- the tree -------------------------------------------------------------------------------------------------

    def key(self, path):
        """Value of the key /mars/PATH, None if it is missing or deleted."""
        result = self.run(["readlink", f"/mars/{path}"], check=False)
        value = result.out.removesuffix("\n")
        return value if result.code == 0 and value != DELETED else None

    def snapshot(self):
        """All of the tree as a set of lines "path|type|value|size", without what a daemon rewrites for fun.

        Sizes are those of files; two equal snapshots mean that nothing has changed.
        """
        lines = self.run("cd /mars && find . ! -path ./lost+found -printf '%P|%y|%l|%s\\n'").out.splitlines()
        keep = [line.rsplit("|", 1)[0] if "|l|" in line or "|d|" in line else line for line in lines]
        return {line for line in keep if not _RESTLESS.search(line)}

    def replay(self, resource, of):
        """The replay link of host `of` as seen here: (log name, position, bytes to go), None if there is none."""
        value = self.key(f"resource-{resource}/replay-{of}")
        if value is None:
            return None
        log, position, rest = value.split(",")
        return log, int(position), int(rest)

    def log_size(self, resource, log):
        """Bytes of a logfile here, 0 if it is not there (yet)."""
        return int(self.run(f"stat -c %s /mars/resource-{resource}/{log} 2>/dev/null || echo 0").out)

    def device(self, resource):
        return f"/dev/mars/{resource}"

    def fill(self, resource, seek, mib):
        """Writes `mib` MiB of random data into the device, from MiB `seek` on."""
        self.run(f"dd if=/dev/urandom of={self.device(resource)} bs=1M seek={seek} count={mib} oflag=direct status=none")

    def reinstall(self, disk, mib):
        """An empty /mars and an empty disk, as after a reinstallation; marsd runs again, in no cluster."""
        self.stop_marsd()
        self.run("find /mars -mindepth 1 -not -name lost+found -delete; "
                 f"dd if=/dev/zero of={disk} bs=1M count={mib} conv=fsync status=none")
        self.start_marsd()

    def wait_device(self, resource, there=True, timeout=60.0):
        """Waits until /dev/mars/RESOURCE is there and answers, or is gone. (What a killed marsd has left is there,
        too, but answers with errors.)"""
        device = self.device(resource)
        command = f"dd if={device} of=/dev/null bs=4096 count=1 iflag=direct status=none" if there else f"test ! -e {device}"
        wait_for(f"{self.name}: {device} {'answers' if there else 'is gone'}",
                 lambda: self.run(command, check=False).code == 0, timeout)

    def wait_synced(self, resource, timeout=180.0):
        """Waits until this host's initial sync is complete."""
        def synced():
            status, size = (self.key(f"resource-{resource}/{key}") for key in (f"syncstatus-{self.name}", "size"))
            assert status and size and int(status) >= int(size), f"synced {status} of {size} bytes"
            return True

        wait_for(f"{self.name}: the sync of {resource} is complete", synced, timeout)

    def wait_caught_up(self, resource, primary, timeout=120.0):
        """Waits until this host has replayed all that the primary has logged. Nobody may write meanwhile."""
        def caught_up():
            theirs, ours = primary.replay(resource, primary.name), self.replay(resource, self.name)
            assert theirs and ours == theirs, f"replay position here {ours}, on {primary.name} {theirs}"
            newest = primary.run(f"cd /mars/resource-{resource} && ls -d log-*-{primary.name} 2>/dev/null | tail -n 1").out.strip()
            assert newest in ("", theirs[0]), f"{primary.name} has begun {newest}, and tells {theirs} only"
            size = primary.log_size(resource, theirs[0])
            assert theirs[1:] == (size, 0), f"{primary.name} has written back {theirs} of {size} bytes"
            return True

        self.wait_synced(resource, timeout)
        wait_for(f"{self.name} has replayed everything of {resource}", caught_up, timeout)

    def disk_digest(self, disk, size=None):
        """SHA-256 of a disk's content as it is on the disk, its first `size` bytes if given."""
        self.run(f"blockdev --flushbufs {disk}")
        take = f"head -c {size} {disk}" if size else f"cat {disk}"
        return self.run(f"{take} | sha256sum", timeout=120).out.split()[0]


class MarsCluster(Cluster):
    """A Cluster of MarsHosts. A test that passes fails all the same when two members say that they are level and are not."""

    def __init__(self, state, names, mars_size=MARS_BYTES, **options):
        super().__init__(state, names, mars_size, host_type=MarsHost, **options)

    def complaints(self):
        found = []
        hosts = [host for host in self.hosts if host.up]
        names = {name for host in hosts
                 for name in host.run("cd /mars && ls -d resource-* 2>/dev/null", check=False).out.split()}
        for resource in sorted(name.removeprefix("resource-") for name in names):
            found += _differing(resource, hosts)
        found += [f"{host.name}: {text}" for host in hosts for text in host.memory_complaint()]
        found += [f"{host.name}: {text}" for host in hosts for text in host.leftovers()]
        return found


def _differing(resource, hosts):
    """Pairs of replicas at the same position whose disks differ, told as "UpToDate" both."""
    level = {}
    for host in hosts:
        if position := host.resting(resource):
            level.setdefault(position, []).append(host)
    found = []
    for position, members in level.items():
        size = int(members[0].key(f"resource-{resource}/size") or 0)
        for host in members[1:]:
            stores = members[0].store(resource), host.store(resource)
            if None in stores:
                continue
            differs = subprocess.run(["cmp", f"--bytes={size}", *stores], capture_output=True, text=True, check=False)
            still = members[0].resting(resource) == position == host.resting(resource)
            if differs.returncode != 0 and still:
                found.append(f"{resource}: {members[0].name} and {host.name} are UpToDate at {position}, and differ: "
                             + (differs.stdout + differs.stderr).strip())
    return found


def found_cluster(first, *others):
    """Makes a cluster of running hosts, by the book: create on the first, join from the others; starts all marsds."""
    first.marsadm("create-cluster")
    first.start_marsd()
    for host in others:
        join_cluster(host, first)


def join_cluster(host, member):
    """Starts marsd on `host`, and makes it a member of the cluster of `member`."""
    host.start_marsd()
    host.marsadm(f"join-cluster {member.name}")
    host.marsadm("wait-cluster")


def create_resource(host, resource, disk):
    host.marsadm(f"create-resource {resource} {disk}")
    host.wait_device(resource)


def join_resource(host, resource, disk):
    """The sync goes on when this returns."""
    host.marsadm(f"join-resource {resource} {disk}")


def two_hosts(cluster, resource, size, names=("hostA", "hostB")):
    """Boots two hosts that replicate `resource`, synced, the first being primary. Returns (host, host, disk path)."""
    first, second = (cluster.host(name) for name in names)
    for host in (first, second):
        disk = host.add_disk(resource, size)
    cluster.boot()
    found_cluster(first, second)
    create_resource(first, resource, disk)
    join_resource(second, resource, disk)
    second.wait_caught_up(resource, first)
    return first, second, disk


def two_resources(cluster, resource, size, other, other_size):
    """Like two_hosts, with a second resource beside it, and with some data in both."""
    for host in cluster.hosts:
        host.add_disk(other, other_size)
    first, second, disk = two_hosts(cluster, resource, size)
    create_resource(first, other, f"/dev/disks/{other}")
    join_resource(second, other, f"/dev/disks/{other}")
    second.wait_caught_up(other, first)
    for each in (resource, other):
        first.fill(each, 8, 8)
        second.wait_caught_up(each, first)
    return first, second, disk


def assert_equal_disks(cluster, *disks):
    for disk in disks:
        assert len({host.disk_digest(disk) for host in cluster.hosts}) == 1, f"{disk} is the same on all hosts"
