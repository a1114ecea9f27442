# SPDX-License-Identifier: GPL-2.0-or-later
"""A control group of its own per host, so that the systemds of two hosts never see the same one.

Works with version 2, version 1 and the mix of both: only the hierarchies that systemd uses matter.
"""

import os


def _unescape(path):
    return path.encode().decode("unicode_escape")


def hierarchies():
    """Where this process stands in systemd's hierarchies: list of (mount point, path below it)."""
    mounts = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            fields, _, rest = line.partition(" - ")
            fstype, _, options = rest.split(maxsplit=2)
            if fstype == "cgroup2" or (fstype == "cgroup" and "name=systemd" in options):
                mounts["" if fstype == "cgroup2" else "name=systemd"] = _unescape(fields.split()[4])
    found = []
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if controllers in mounts:
                found.append((mounts[controllers], path))
    return found


class Cgroup:
    """Makes the groups; they are removed with the run's state."""

    def __init__(self, state, name):
        self._folders = [f"{mount}{path.rstrip('/')}/{name}" for mount, path in hierarchies()]
        for folder in self._folders:
            state.note("cgroups", folder)
            os.makedirs(folder, exist_ok=True)

    def enter(self):
        """Moves the calling process into the group (to be called between fork and exec)."""
        for folder in self._folders:
            with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0\n")
