# SPDX-License-Identifier: GPL-2.0-or-later
# What is printed arrives, or the exit status says so: every verb of the table, with a stdout that is full, closed, or a
# pipe that nobody reads; and that endless commands end with their reader.
import os
import pty
import re
import select
import signal
import subprocess
import termios
from concurrent.futures import ThreadPoolExecutor

from shell_site import DEADLINE, Site

LOST = "cannot write to the standard output: "

# Arguments by their names in the usage line. A new name needs a row here.
VALUES = {
    "HOST": "b", "HOST2": "b", "PEER": "b", "IP": "10.0.0.2", "DISK": "/dev/null", "DEV": "r", "NAME": "default",
    "RES": "r", "RES|LIST|all": "r", "LIST": "r", "CONDITION": "UpToDate", "WHO": "b", "SIZE": "4096", "VERB": "view",
    "FILE": "program.lua", "CODE": "print(1)", "START": "a.service", "STOP": "a.service", "KEY": "x", "VALUE": "1",
    "bash|zsh": "bash", "list|check": "list", "check|list|show": "list", "text|man": "text", "UUID": "a_1", "PATH": "x",
    "DIR": ".", "ARG": "x", "ARGUMENT": "x", "UNIT": "a.service", "HOST|(none)": "b", "USER": "root", "TEXT": "x",
    "active|ended": "ended", "N": "1", "NR": "2", "KINDS": "COMPRESS_LZ4",
}
# Endless, or they end only with marsd: shown below, or with an option.
OPTIONS = ["--dry-run", "--timeout=0"]
NEVER_ENDS = {"watch-state"}
MUST_TELL = {"help", "version", "macro-list", "help-man", "help-lua", "lua-code", "cluster-identity"}


def verbs(site):
    text = site.marsadm("--verbose=3", "help", COLUMNS="100")[1]
    found = {}
    for line in text.split("\nOptions may stand")[0].splitlines():
        if not re.match(r"  [a-z]", line):
            continue
        name, *words = line.split()
        arguments = []
        for word in words:
            if word.startswith("["):
                break
            if word.rstrip(".") not in VALUES:
                raise AssertionError(f"{name}: no value for {word}; add one to this test")
            arguments.append(VALUES[word.rstrip(".")])
        found[name] = arguments
    if len(found) < 60:
        raise AssertionError(f"only {len(found)} verbs found in:\n{text}")
    return found


class Runs:
    def __init__(self, site):
        self.site = site

    def run(self, words, stdout, prefix=()):
        with open(os.devnull) as nothing:
            done = subprocess.run([*self.site.command()[:-1], *prefix, self.site.command()[-1], *words], stdin=nothing,
                                  stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=DEADLINE,
                                  cwd=self.site.work, env=self.site.environment())
        return done.returncode, done.stdout, done.stderr

    def good(self, words):
        return self.run(words, subprocess.PIPE)

    def full(self, words):
        with open("/dev/full", "w") as full:
            return self.run(words, full)

    def closed(self, words):
        return self.run(words, subprocess.DEVNULL, ("/bin/sh", "-c", 'exec "$0" "$@" >&-'))

    def unread(self, words):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            return self.run(words, writer)
        finally:
            os.close(writer)


def check_verb(runs, name, arguments):
    words = [name, *arguments] if name in ("lua", "lua-code", "shell") else [name, *arguments, *OPTIONS]
    faults = []
    status, out, _ = runs.good(words)
    for kind in ("full", "closed"):
        found, _, err = getattr(runs, kind)(words)
        if out and (found == 0 or (status == 0 and found != 4) or err.count(LOST) != 1):
            faults.append(f"{name}, stdout {kind}: status {found}, was {status}; stderr: {err}")
        if not out and (found != status or LOST in err):
            faults.append(f"{name}, stdout {kind}, nothing printed: status {found}, expected {status}; stderr: {err}")
    found, _, err = runs.unread(words)
    ends = (-signal.SIGPIPE,) if name in MUST_TELL else (-signal.SIGPIPE, status)
    if found not in ends or "write" in err or "interrupted" in err:
        faults.append(f"{name}, nobody reads: status {found}, expected one of {ends}; stderr: {err}")
    if name in MUST_TELL and not out:
        faults.append(f"{name} prints nothing")
    return faults


# `words` into a reader that takes one line and leaves; (status, stderr).
def into_head(site, *words, lines=1):
    command = subprocess.Popen(site.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, cwd=site.work, env=site.environment())
    for _ in range(lines):
        command.stdout.readline()
    command.stdout.close()
    with command.stderr as errors:
        err = errors.read()
    return command.wait(timeout=DEADLINE), err


with Site() as site:
    site.write("work/program.lua", "print('x')\n")
    runs = Runs(site)
    table = {name: words for name, words in verbs(site).items() if name not in NEVER_ENDS}
    site.beat()
    with ThreadPoolExecutor(16) as pool:
        results = pool.map(lambda row: check_verb(runs, *row), table.items())
        faults = [fault for found in results for fault in found]
    if faults:
        raise AssertionError("\n".join(faults))

    # The same for what is no verb of the table.
    for words in (("view", "--json", "r"), ("view-replstate", "all"), ("macro", "check", "x.tpl")):
        faults = check_verb(runs, words[0], list(words[1:]))
        if faults:
            raise AssertionError("\n".join(faults))

    # Endless commands end with their reader, also those that have nothing to say just now.
    for words, lines in (((("-e", "while true do print('x') end")), 1), (("-e", "while true do io.write('x\\n') end"), 1),
                         (("view", "r", "--watch"), 1), (("watch-state",), 0),
                         (("wait-resource", "r", "Syncing", "--timeout=-1"), 0)):
        status, err = into_head(site, *words, lines=lines)
        if status != -signal.SIGPIPE or "error" in err:
            raise AssertionError(f"{words}: status {status}, expected SIGPIPE; stderr: {err}")
    # A program that changes something is not cut off before it prints.
    status, err = into_head(site, "-e", "print('x'); mars.sleep(0.2); mars.pause_fetch('r'); print('y'); os.exit(7)")
    if status != -signal.SIGPIPE or site.get("resource-r/todo-a/connect") != "0":
        raise AssertionError(f"status {status}, connect {site.get('resource-r/todo-a/connect')}; {err}")
    # A verb that changes something goes on, and has its own status.
    status, err = into_head(site, "resume-fetch", "r", lines=0)
    if status != 0 or site.get("resource-r/todo-a/connect") != "1":
        raise AssertionError(f"status {status}, connect {site.get('resource-r/todo-a/connect')}; {err}")

    # And it is not held up by a reader that reads nothing, or by Ctrl-S.
    reader, writer = os.pipe()
    master, slave = pty.openpty()
    os.set_blocking(writer, False)
    while select.select([], [writer], [], 0)[1]:
        os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    termios.tcflow(slave, termios.TCOOFF)
    for stuck, verb, expected in ((writer, "pause-fetch", "0"), (slave, "resume-fetch", "1")):
        site.beat()
        done = subprocess.run(site.command(verb, "r"), stdin=subprocess.DEVNULL, stdout=stuck, stderr=stuck,
                              timeout=DEADLINE, cwd=site.work, env=site.environment())
        if done.returncode != 0 or site.get("resource-r/todo-a/connect") != expected:
            raise AssertionError(f"{verb}: status {done.returncode}, {site.get('resource-r/todo-a/connect')}")
    for fd in (reader, writer, master, slave):
        os.close(fd)

    # Files of other systems' editors.
    bom = "\ufeff"
    site.write("work/foreign.lua", bom + "#!/usr/bin/marsadm lua\r\nprint('lua')\r\n")
    site.write("work/foreign.mars", bom + "version\r\nview-uuid\r\n")
    site.write("home/.marsadm/foreign.tpl", bom + "# comment\r\n%{res}\r\n")
    for words, expected in ((("lua", "foreign.lua"), "lua\n"), (("view-foreign", "r"), "\nr\n")):
        found = site.marsadm(*words)
        if found[:2] != (0, expected):
            raise AssertionError(f"{words}: expected {expected!r}, found {found}")
    status, out, err = site.marsadm("shell", "foreign.mars")
    if status != 0 or not out.endswith("a_1000.000000000\n") or err:
        raise AssertionError(f"shell: {status} {out!r} {err!r}")
    # A hook whose lines end in CRLF.
    site.write("etc/hook-pre-pause-fetch", "#!/bin/sh\r\nexit 0\r\n", 0o755)
    status, out, err = site.marsadm("pause-fetch", "r")
    if status == 0 or "first line names /bin/sh\\r: the file has CRLF line ends; next: sed -i" not in err:
        raise AssertionError(f"hook: {status} {err!r}")

    # A tree that may not be read is not said to be empty.
    os.remove(site.etc + "/hook-pre-pause-fetch")
    os.chmod(site.root, 0o700)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    for words in (("view",), ("view", "all"), ("view", "--json", "all"), ("view", "--watch"), ("view-role", "r"),
                  ("macro", "trace", "role", "r"), ("templates", "list"), ("@all", "version"),
                  ("-e", "assert(mars.view('r'))"), ("-e", "assert(mars.get('r', 'role'))"),
                  ("-e", "assert(mars.resources())"), ("-e", "assert(mars.hosts())"), ("-e", "assert(mars.key('uuid'))"),
                  ("-e", "assert(mars.macro('%get-primary{}', 'r'))")):
        status, out, err = runs.run(words, subprocess.PIPE, nobody)
        if status not in ((1,) if words[0] == "-e" else (4,)) or out or "cannot be read by this user" not in err:
            raise AssertionError(f"{words} of nobody: {status} {out!r} {err!r}")
print("ok")
