# SPDX-License-Identifier: GPL-2.0-or-later
"""Cluster: N test hosts on one machine, for use inside of run_isolated().

    with Cluster(state, ["hostA", "hostB"]) as cluster:
        a, b = cluster.hosts
        disk = a.add_disk("mydata", GIB)
        cluster.boot()
        cluster.link(a, b).shape("100mbit")
        a.run("ssh hostB hostname")
        cluster.link(a, b).cut()
"""

import os
import shutil

from . import artifacts, rootfs, shell
from .host import Host
from .network import Network
from .runner import Skip

PROGRAMS = ("systemd-nspawn", "sshd", "ssh-keygen", "ip", "tc", "mkfs.ext4", "nsenter")
DEVICES = {"/dev/fuse": "fuse", "/dev/loop-control": "loop"}
MIB = 1 << 20
GIB = 1 << 30


class Cluster:
    """Owns the hosts and their network; everything of it is gone after the with block.

    names: host names. mars_size: bytes of each host's /mars. known_hosts=False: the hosts' ssh keys are unknown to each
    other. host_type: Host or something derived from it. Hosts are down at first, so that disks can be added and files written; boot() starts all of them at once.
    """

    def __init__(self, state, names, mars_size=2 * GIB, known_hosts=True, host_type=Host):
        self._state = state
        self._names = list(names)
        self._mars_size = mars_size
        self._known_hosts = known_hosts
        self._host_type = host_type
        self.hosts = []
        self.network = None

    def __enter__(self):
        _check_machine()
        self.network = Network()
        for index, name in enumerate(self._names, start=1):
            self.hosts.append(self._host_type(self._state, self.network, name, index, self._mars_size))
        for host in self.hosts:
            rootfs.make_keys(host)
        for host in self.hosts:
            rootfs.write_identity(host, self.hosts, self._known_hosts)
        return self

    def __exit__(self, failure, *_):
        complaints = [] if failure else self._look_for_complaints()
        failed = complaints or (failure and failure is not Skip)
        if failed and getattr(self._state, "artifacts", None):
            artifacts.save(self.hosts, self._state.artifacts)
        for host in self.hosts:
            host.close()
        self.network.close()
        if complaints:
            raise AssertionError("the test itself passed, but:\n   " + "\n   ".join(complaints))

    def _look_for_complaints(self):
        """What a passing test would not notice: see complaints() of the host and of the cluster."""
        found = self.complaints()  # first: it may end daemons, which the hosts then have seen
        return found + [f"{host.name}: {text}" for host in self.hosts for text in host.complaints()]

    def complaints(self):
        """What is wrong with the hosts together; for those that know more of them."""
        return []

    def boot(self):
        """Switches on all hosts that are down, and waits for all of them."""
        started = [host for host in self.hosts if not host.up]
        for host in started:
            host.boot(wait=False)
        for host in started:
            host.wait_booted()

    def link(self, one, other):
        """The line between two hosts: shape(), cut(), heal()."""
        return self.network.link(one, other)

    def host(self, name):
        return next(host for host in self.hosts if host.name == name)


def _check_machine():
    """Programs that are missing are a mistake of the set-up; a kernel without the devices is a reason to skip."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        raise AssertionError(f"not installed: {', '.join(missing)}; run script/bootstrap")
    for device, module in DEVICES.items():
        if not os.path.exists(device):
            shell.run(["modprobe", module], check=False)
            if not os.path.exists(device):
                raise Skip(f"this machine has no {device}")
