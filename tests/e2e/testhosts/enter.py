# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m testhosts.enter HOST [COMMAND…]: a shell, or a command, on a host of a run that was kept (demo --keep)."""

import os
import sys

from .host import only_child
from .state import is_locked, runs


def leader_of(name):
    """(pid of that host's pid 1, names of all hosts of kept runs); pid is None if there is no such host."""
    names, found = set(), None
    for run in (path for path in runs() if os.path.exists(os.path.join(path, "kept")) and is_locked(path)):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    arguments = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue  # it has ended meanwhile
            for machine in (word.split("=", 1)[1] for word in arguments if word.startswith("--machine=")):
                if f"--directory={run}/hosts/{machine}/root" in arguments:
                    names.add(machine)
                    found = only_child(int(pid)) if machine == name else found
    return found, names


def main(arguments):
    """Does not return when there is such a host."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    name, *command = arguments
    leader, names = leader_of(name)
    if leader is None:
        print(f"no host {name} is running; there are: {', '.join(sorted(names)) or 'none'}", file=sys.stderr)
        return 1
    command = command or ["bash", "-l"]
    environment = [f"{key}={os.environ[key]}" for key in ("TERM",) if key in os.environ]
    os.execvp("nsenter", ["nsenter", "-t", str(leader), "-m", "-u", "-i", "-n", "-p", "--wd=/root", "env", "-i",
                          "HOME=/root", "LANG=C.UTF-8", "SHELL=/bin/bash",
                          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *environment, *command])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
