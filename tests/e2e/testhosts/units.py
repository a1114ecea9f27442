# SPDX-License-Identifier: GPL-2.0-or-later
"""The shipped templates on test hosts: installed as a package would, for programs in /usr/local/sbin."""

import os

from . import rootfs
from .runner import REPOSITORY
from .wait import wait_for

TEMPLATES = os.path.join(REPOSITORY, "templates")
PERSISTENT = ("mars.path", "mars.service", "mars-watch-state.service")  # units of their own; others come from templates
KINDS = (".path", ".service", ".mount")
# /root/app on the mounted device; a template "app-^{name}.service".
APPLICATION_UNIT = """\
[Unit]
Requires=vol-@escvar{name}.mount
After=vol-@escvar{name}.mount

[Service]
ExecStart=/bin/bash /root/app
KillMode=mixed
"""


def install_templates(host):
    """Before boot: the persistent units enabled, the others where marsadm looks for templates."""
    for name in sorted(os.listdir(TEMPLATES)):
        if not name.endswith(KINDS) or name == "marsd.service":
            continue
        with open(os.path.join(TEMPLATES, name), encoding="utf-8") as file:
            text = file.read().replace("/usr/sbin/", "/usr/local/sbin/")
        folder = "etc/systemd/system" if name in PERSISTENT else "etc/marsadm/systemd-templates"
        rootfs.write(host.root, f"{folder}/{name}", text)
    wants = os.path.join(host.root, "etc/systemd/system/multi-user.target.wants")
    os.makedirs(wants, exist_ok=True)
    for name in ("mars.path",):
        os.symlink(f"/etc/systemd/system/{name}", os.path.join(wants, name))


def add_template(host, name, text):
    rootfs.write(host.root, f"etc/marsadm/systemd-templates/{name}", text)


def wait_active(host, unit, timeout=60.0):
    """Waits until the unit is active there."""
    def active():
        state = host.run(["systemctl", "is-active", unit], check=False).out.strip()
        assert state == "active", f"{unit} is {state}"
        return True

    wait_for(f"{host.name}: {unit} is active", active, timeout)


def is_active(host, unit):
    return host.run(["systemctl", "is-active", "--quiet", unit], check=False).code == 0
