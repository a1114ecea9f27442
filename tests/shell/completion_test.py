# SPDX-License-Identifier: GPL-2.0-or-later
# The installed completions: what bash offers for verbs, options, resources, hosts and files, in an interactive bash that
# splits words as it does; zsh's file is syntactically right, where there is a zsh.
import os
import pty
import re
import select
import shutil
import subprocess
import time

from shell_site import DEADLINE, Site, check


class Bash:
    """An interactive bash; offers() is what it knows for a line."""

    def __init__(self, site, script):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(site.work)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], site.environment(PS1="> "))
        self.text = ""
        # What a completion function has found, instead of what readline makes of it.
        self.type(f"source {script}; _show() {{ _marsadm; printf '<%s>' \"${{COMPREPLY[@]}}\" END; COMPREPLY=(); }}; "
                  "complete -F _show marsadm; echo READ''Y\n")
        self.read_until("READY")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def read_until(self, text):
        until = time.monotonic() + DEADLINE
        while text not in self.text:
            if not select.select([self.fd], [], [], max(0.0, until - time.monotonic()))[0]:
                raise AssertionError(f"expected {text!r}, found {self.text!r}")
            self.text += os.read(self.fd, 65536).decode(errors="replace")
        found, _, self.text = self.text.partition(text)
        return found

    def offers(self, line):
        self.type(line + "\t")
        found = self.read_until("<END>")
        self.type("\x15")
        words = re.findall("<([^>]*)>", found)
        return [] if words == [""] else words


with Site() as site:
    for shell in ("bash", "zsh"):
        status, out, _ = site.marsadm("help-completion", shell)
        check(status, 0)
        site.write(f"work/{shell}", out)
    site.make_resource("other")
    os.makedirs(site.work + "/files/sub")
    with Bash(site, "./bash") as bash:
        for line, expected in {
            "marsadm invali": ["invalidate"],
            "marsadm --timeout=5 --force invali": ["invalidate"],
            "marsadm @all invali": ["invalidate"],
            "marsadm @a,b --json invali": ["invalidate"],
            "marsadm pause-fetch ": ["all", "other", "r"],
            "marsadm --timeout=5 pause-fetch o": ["other"],
            "marsadm view-replstate ": ["all", "other", "r"],
            "marsadm --time": ["--timeout="],
            "marsadm pause-fetch r --dry": ["--dry-run"],
            "marsadm --host=": ["a", "b"],
            "marsadm pause-fetch r --host=b": ["b"],
            "marsadm @": ["all", "a", "b", "other", "r"],
            "marsadm @al": ["all"],
            "marsadm help join-res": ["join-resource"],
            "marsadm set-systemd-want r ": ["a", "b"],
            "marsadm join-cluster ": ["a", "b"],
            "marsadm templates ": ["check", "list", "show"],
            "marsadm create-resource new fil": ["files"],
            "marsadm lua fil": ["files"],
            "marsadm nonsen": [],
        }.items():
            check(sorted(bash.offers(line)), sorted(expected), line)
        verbs = bash.offers("marsadm ")
        check([v for v in ("primary", "view", "lua", "set-systemd-unit", "disconnect") if v not in verbs], [])
        check([v for v in verbs if v.startswith("-")], [])
    checked = subprocess.run(["bash", "-n", site.work + "/bash"], capture_output=True, text=True)
    check((checked.returncode, checked.stderr), (0, ""))
    if shutil.which("zsh"):
        checked = subprocess.run(["zsh", "-n", site.work + "/zsh"], capture_output=True, text=True)
        check((checked.returncode, checked.stderr), (0, ""))
    else:
        print("not checked: there is no zsh")
print("ok")
