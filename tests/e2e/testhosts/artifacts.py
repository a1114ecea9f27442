# SPDX-License-Identifier: GPL-2.0-or-later
"""What is kept of the hosts of a failed test: their consoles with the journal, their /mars tree, and what `view` says."""

import os
import shutil

_QUESTIONS = {
    "tree.txt": "find /mars -printf '%T+ %y %10s %P -> %l\\n' | sort -k4",
    "view.txt": "marsadm view all",
    "processes.txt": "ps -ef; echo; cat /proc/mounts; echo; ss -tnp 2>/dev/null; losetup -l",
    "journal.txt": "journalctl --no-pager -o short-precise | tail -2000",
    "units.txt": "systemctl list-units --all --no-pager --full; tail -n +1 /run/systemd/system/*.* 2>/dev/null",
    "marsd.txt": "systemctl status --no-pager --full marsd; ls -lR /run/mars 2>/dev/null; tail -n +1 /run/mars/* 2>/dev/null",
}


def save(hosts, folder):
    """Writes FOLDER/HOST/…; replaces what an earlier failure left there."""
    shutil.rmtree(folder, ignore_errors=True)
    for host in hosts:
        target = os.path.join(folder, host.name)
        os.makedirs(target)
        _write(target, "console.txt", host.console())
        for name, command in _QUESTIONS.items() if host.leader else ():
            _write(target, name, _ask(host, command))


def _ask(host, command):
    try:
        result = host.run(command, check=False, timeout=15)
        return result.out + result.err
    except AssertionError as error:
        return f"{error}\n"


def _write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
