# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m testhosts.cleanup [--all]: removes what dead runs left; with --all also ends the runs that were kept."""

import os
import signal
import sys

from .state import base_dir, is_locked, runs, sweep
from .wait import wait_for


def end_kept():
    """Ends all runs that were asked to live on (demo --keep), and waits until they are gone. Returns their names."""
    ended = []
    for path in runs():
        if os.path.exists(os.path.join(path, "kept")) and is_locked(path):
            with open(os.path.join(path, "keeper"), encoding="utf-8") as file:
                os.kill(int(file.read()), signal.SIGTERM)
            wait_for(f"{path} to go away", lambda gone=path: not os.path.exists(gone), timeout=60)
            ended.append(os.path.basename(path))
    return ended


def main(arguments):
    """Returns the exit code."""
    if os.geteuid() != 0:
        print("cleanup needs root", file=sys.stderr)
        return 4
    for name in end_kept() if "--all" in arguments else []:
        print(f"ended {name}")
    for name in sweep():
        print(f"removed {name}")
    for path in runs():
        print(f"still running: {os.path.basename(path)} (in {base_dir()})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
