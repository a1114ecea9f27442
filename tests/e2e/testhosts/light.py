# SPDX-License-Identifier: GPL-2.0-or-later
"""Light hosts: an sshd each, in network, mount and UTS namespaces of its own, with its own /mars and host name.

No systemd, no marsd, no disks: for what only needs many hosts that answer to ssh. For use inside of run_isolated().

    node1 10.78.0.1 ─┐
    node2 10.78.0.2 ─┼─ bridge in the namespace "fleet"
    …               ─┘
"""

import os
import subprocess
import sys

from . import shell
from .wait import wait_for

SWITCH = "fleet"

_CONFIG = """\
HostKey {folder}/hostkey
AuthorizedKeysFile {folder}/authorized
StrictModes no
PidFile none
UsePAM no
UseDNS no
PrintMotd no
PasswordAuthentication no
MaxStartups 500
ListenAddress 0.0.0.0
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""

# Runs in the new namespaces: puts the host's own files over the machine's, then becomes sshd. Root's home is empty: a
# .bashrc of the machine would run at each session, and one that waits for a lock makes them wait for each other.
_START = """\
set -e
hostname {name}
mount --make-rprivate /
mkdir -p /mars
mount --bind {folder}/mars /mars
mount --bind {hosts} /etc/hosts
mount --bind {folder}/hostname /etc/hostname
mount --bind {folder}/empty /etc/resolv.conf
mount -t tmpfs -o mode=700 home /root
mkdir -p /run/sshd
exec /usr/sbin/sshd -D -e -f {folder}/config 2>{folder}/log
"""


class LightHosts:
    """names: of all hosts, in the order of their addresses."""

    def __init__(self, state, count):
        self.names = [f"node{i}" for i in range(1, count + 1)]
        self._folder = state.file("light")
        self.processes = {}

    def __enter__(self):
        os.makedirs(self._folder)
        self._write("hosts", "127.0.0.1 localhost\n" + "".join(f"{self.address(n)} {n}\n" for n in self.names))
        for key in ("hostkey", "userkey"):
            shell.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self._folder}/{key}"])
        lines = [f"netns add {SWITCH}", *(f"netns add {name}" for name in self.names)]
        shell.run(["ip", "-batch", "-"], stdin="\n".join(lines) + "\n")
        shell.run(["ip", "-n", SWITCH, "-batch", "-"], stdin="link add br0 type bridge\nlink set br0 up\n")
        for name in self.names:
            self._start(name)
        for name in self.names:
            wait_for(f"{name}: sshd listens", lambda n=name: self.run(n, "ss -Hltn sport = :22 | grep -q .",
                                                                check=False).code == 0)
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.send_signal(9)
            process.wait()
        for name in [*self.names, SWITCH]:
            shell.run(["ip", "netns", "del", name], check=False)

    def address(self, name):
        number = int(name.removeprefix("node"))
        return f"10.78.0.{number}"

    def run(self, name, command, check=True, timeout=120.0, env=None):
        """Runs a command on a host, as its root would by ssh."""
        enter = ["nsenter", "-t", str(self.processes[name].pid), "-m", "-u", "-n", "env", "-i", "HOME=/root",
                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                 *(f"{key}={value}" for key, value in (env or {}).items())]
        return shell.run(command, check, timeout, None, enter, name)

    def ssh_options(self):
        """For marsadm: how a host gets into the others."""
        return f"--ssh-opts=-i {self._folder}/userkey -l root -o UserKnownHostsFile={self._folder}/known"

    def set_key(self, name, path, value):
        target = os.path.join(self._folder, name, "mars", path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if os.path.islink(target):
            os.unlink(target)
        os.symlink(value, target)

    def write_file(self, name, path, text):
        """A file below the host's /mars."""
        self._write(f"{name}/mars/{path}", text)

    def _write(self, path, text):
        target = os.path.join(self._folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)

    def _start(self, name):
        folder = os.path.join(self._folder, name)
        os.makedirs(f"{folder}/mars", 0o700)
        for key in ("hostkey", "hostkey.pub"):
            os.link(f"{self._folder}/{key}", f"{folder}/{key}")
        os.link(f"{self._folder}/userkey.pub", f"{folder}/authorized")
        self._write(f"{name}/config", _CONFIG.format(folder=folder))
        self._write(f"{name}/hostname", name + "\n")
        self._write(f"{name}/empty", "")
        port = f"port{name.removeprefix('node')}"
        shell.run(["ip", "-batch", "-"], stdin=f"link add {port} netns {SWITCH} type veth peer name eth0 netns {name}\n")
        shell.run(["ip", "-n", SWITCH, "-batch", "-"], stdin=f"link set {port} master br0\nlink set {port} up\n")
        shell.run(["ip", "-n", name, "-batch", "-"],
                  stdin=f"link set lo up\naddr add {self.address(name)}/16 dev eth0\nlink set eth0 up\n")
        script = _START.format(name=name, folder=folder, hosts=f"{self._folder}/hosts")
        self.processes[name] = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{name}", "unshare", "-m", "-u", "sh", "-c", script], stdin=subprocess.DEVNULL,
            stdout=sys.stderr)
