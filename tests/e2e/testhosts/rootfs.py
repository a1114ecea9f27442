# SPDX-License-Identifier: GPL-2.0-or-later
"""The root filesystem of a host: an overlay of this machine's, cleared of what the machine is and runs by chance.

Units that somebody enabled here, cron jobs, init scripts, ssh keys, fstab: none of them reaches a host. What is installed
in /usr does, so a host has exactly the programs of the machine.
"""

import os
import secrets

from . import linux, shell

LOOP_NODES = 256
# Folders that start out empty in a host, whatever the machine has in them.
_HIDDEN = ("etc/systemd/system", "etc/systemd/user", "etc/systemd/network", "etc/tmpfiles.d", "etc/cron.d",
           "etc/cron.daily", "etc/cron.hourly", "etc/ssh", "root", "mars", "disks", "var/log/journal", "var/lib/mars",
           "var/spool/cron", "srv", "mnt", "home", "etc/rcS.d", *(f"etc/rc{level}.d" for level in range(7)))

_SSHD_CONFIG = """\
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
UseDNS no
PrintMotd no
HostKey /etc/ssh/ssh_host_ed25519_key
Subsystem sftp /usr/lib/openssh/sftp-server
"""

_JOURNALD = """\
[Journal]
Storage=volatile
RuntimeMaxUse=64M
ForwardToConsole=yes
MaxLevelConsole=info
ForwardToSyslog=no
"""

_STATIC_FILES = {
    "etc/fstab": "",
    "etc/resolv.conf": "",
    "etc/ssh/sshd_config": _SSHD_CONFIG,
    "etc/systemd/journald.conf.d/testhosts.conf": _JOURNALD,
    "etc/systemd/system.conf.d/testhosts.conf": "[Manager]\nDefaultTimeoutStopSec=15s\nStatusUnitFormat=name\n",
}
_MASKED = ("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-networkd.service", "console-getty.service",
           "systemd-resolved.service", "systemd-timesyncd.service", "systemd-logind.service", "getty.target",
           "systemd-pcrphase-sysinit.service", "systemd-update-utmp.service", "ldconfig.service",
           "systemd-journal-catalog-update.service", "e2scrub_reap.service", "remote-fs.target")


def make_overlay(folder):
    """Mounts the overlay on FOLDER/root and fills in what every host has."""
    upper, work, root = (os.path.join(folder, name) for name in ("upper", "work", "root"))
    for path in (upper, work, root):
        os.makedirs(path)
    for path in _HIDDEN:
        _hide(upper, path)
    options = f"lowerdir=/,upperdir={upper},workdir={work}"
    linux.mount("overlay", root, "overlay", data=options)
    for path, text in _STATIC_FILES.items():
        write(root, path, text)
    write(root, "etc/machine-id", secrets.token_hex(16) + "\n", 0o444)
    os.chmod(os.path.join(root, "root"), 0o700)
    os.chmod(os.path.join(root, "mars"), 0o700)
    for unit in _MASKED:
        os.symlink("/dev/null", os.path.join(root, "etc/systemd/system", unit))
    enable(root, "ssh.service")


def _hide(upper, path):
    """Makes `path` an empty folder of the overlay; its parents keep what the machine has."""
    target = os.path.join(upper, path)
    for level in range(1, path.count("/") + 2):
        part = "/".join(path.split("/")[:level])
        here = os.path.join(upper, part)
        if not os.path.isdir(here):
            os.mkdir(here)
            os.chmod(here, 0o755)
    os.setxattr(target, "trusted.overlay.opaque", b"y")


def enable(root, unit):
    """Has the host start a unit at boot."""
    wants = os.path.join(root, "etc/systemd/system/multi-user.target.wants")
    os.makedirs(wants, exist_ok=True)
    link = os.path.join(wants, unit)
    if not os.path.islink(link):
        os.symlink(f"/lib/systemd/system/{unit}", link)


def write(root, path, text, mode=0o644):
    """Replaces a file of the overlay; text: str or bytes."""
    target = os.path.join(root, path.lstrip("/"))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(target):
        os.unlink(target)
    with open(target, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
    os.chmod(target, mode)


def write_devices(root, extra):
    """Device nodes for the next boot: all loop devices that may come to exist, and `extra` (tmpfiles.d lines)."""
    loops = [f"b+ /dev/loop{number} 0660 root disk - 7:{number}" for number in range(LOOP_NODES)]
    write(root, "etc/tmpfiles.d/testhosts.conf", "\n".join([*loops, "d /dev/disks 0755 root root -", *extra]) + "\n")


def write_identity(host, hosts, known_hosts):
    """Name, addresses and ssh keys of a host, and (known_hosts=True) the keys of all others."""
    write(host.root, "etc/hostname", host.name + "\n")
    lines = ["127.0.0.1 localhost", *(f"{other.address} {other.name}" for other in hosts)]
    write(host.root, "etc/hosts", "\n".join(lines) + "\n")
    write(host.root, "root/.ssh/authorized_keys", "".join(public_key(other, "root") for other in hosts), 0o600)
    if known_hosts:
        known = [f"{other.name},{other.address} {public_key(other, 'host')}" for other in hosts]
        write(host.root, "root/.ssh/known_hosts", "".join(known), 0o600)
    os.chmod(os.path.join(host.root, "root/.ssh"), 0o700)


_KEY_PLACES = {"host": "etc/ssh/ssh_host_ed25519_key", "root": "root/.ssh/id_ed25519"}


def make_keys(host):
    """Generates the host's own key and root's key."""
    for path in _KEY_PLACES.values():
        target = os.path.join(host.root, path)
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        shell.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{host.name}", "-f", target])


def public_key(host, kind):
    """kind: 'host' or 'root'. One line, with its newline."""
    with open(os.path.join(host.root, _KEY_PLACES[kind] + ".pub"), encoding="ascii") as file:
        return file.read()
