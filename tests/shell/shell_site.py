# SPDX-License-Identifier: GPL-2.0-or-later
# A host "a" for tests of marsadm: a tree in a temporary directory (resource r, primary b; both hosts just heard of), a
# home and an $ETC_MARSADM of its own, the host name in a namespace of its own. Session: marsadm on a pseudo-terminal.
import codecs
import errno
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time


SOURCE = os.environ.get("MARS_SOURCE", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
MARSADM = os.environ.get("MARSADM", SOURCE + "/build/bin/marsadm")
DEADLINE = 60

VERSION = "25a4cf3b21e6d76a908d3184e9f5a315,log-000000003-b,4096:19daf2d1dbd4aba87d78e6a0c210666e,log-000000002-b,8192"


def skip(why):
    print("skipped:", why)
    sys.exit(77)


class Site:
    def __init__(self):
        if os.geteuid() != 0:
            skip("not root")
        probe = subprocess.run(["unshare", "--uts", "--mount", "true"], capture_output=True, text=True)
        if probe.returncode != 0:
            skip("no namespaces: " + probe.stderr.strip())
        self.directory = tempfile.mkdtemp(prefix="mars-shell-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.root = self.path("mars")
        self.home = self.path("home")
        self.etc = self.path("etc")
        self.work = self.path("work")
        for place in (self.root, self.home, self.etc, self.work):
            os.mkdir(place, 0o755)
        with open(self.path("hostname"), "w") as file:
            file.write("a\n")
        self.set("uuid", "a_1000.000000000")
        for number, host in enumerate("ab", 1):
            self.set(f"ips/ip-{host}", f"10.0.0.{number}")
        try:
            os.mknod(self.path("disk"), 0o600 | stat.S_IFBLK, os.makedev(7, 250))  # only looked at
        except PermissionError:
            skip("device nodes cannot be made")
        self.make_resource("r")
        self.beat()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def set(self, key, value):
        path = os.path.join(self.root, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = path + ".tmp"
        os.symlink(value, temporary)
        os.rename(temporary, path)

    def get(self, key):
        try:
            return os.readlink(os.path.join(self.root, key))
        except FileNotFoundError:
            return None

    # Signs of life of both hosts, as marsd gives them.
    def beat(self):
        for host in "ab":
            self.set(f"actual-{host}/time", f"{time.time():.9f}")
            self.set(f"actual-{host}/alive", "1")

    def make_resource(self, name):
        base = f"resource-{name}/"
        self.set(base + "size", "1048576")
        self.set(base + "maxnr", "3")
        self.set(base + "primary", "b")
        for host in "ab":
            is_primary = "1" if host == "b" else "0"
            for key, value in {
                f"data-{host}": self.path("disk"), f"device-{host}": name, f"actsize-{host}": "1048576",
                f"syncstatus-{host}": "1048576", f"replay-{host}": "log-000000003-b,4096,0",
                f"version-000000003-{host}": VERSION,
                f"actual-{host}/is-attached": "1", f"actual-{host}/is-primary": is_primary,
                f"actual-{host}/if-on": is_primary, f"actual-{host}/open-count": "0",
                f"actual-{host}/has-emergency": "0",
            }.items():
                self.set(base + key, value)
            for switch in ("attach", "connect", "sync", "allow-replay"):
                self.set(base + f"todo-{host}/{switch}", "1")
        with open(os.path.join(self.root, base, "log-000000003-b"), "wb") as log:
            log.write(b"x" * 4096)

    def environment(self, **more):
        keep = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}
        return {**keep, "HOME": self.home, "ETC_MARSADM": self.etc, "MARS_DIR": self.root, "TERM": "dumb",
                "INPUTRC": "/dev/null", "PAGER": "cat", "LC_ALL": "C.UTF-8", **more}

    def command(self, *words):
        script = 'hostname a && mount --bind "$0" /etc/hostname && exec "$@"'
        return ["unshare", "--uts", "--mount", "/bin/sh", "-c", script, self.path("hostname"), MARSADM, *words]

    # Runs one command line; (status, stdout, stderr).
    def marsadm(self, *words, stdin="", **environment):
        self.beat()
        done = subprocess.run(self.command(*words), input=stdin, capture_output=True, text=True, timeout=DEADLINE,
                              cwd=self.work, env=self.environment(**environment))
        # AddressSanitizer says so at each start of a fiber.
        errors = re.sub(r"==\d+==WARNING: ASan doesn't fully support [^\n]*\n", "", done.stderr)
        return done.returncode, done.stdout, errors

    def write(self, path, text, mode=0o644):
        whole = os.path.join(self.directory, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w") as file:
            file.write(text)
        os.chmod(whole, mode)
        return whole


def check(found, expected, what=""):
    if found != expected:
        raise AssertionError(f"{what}\nexpected: {expected!r}\nfound:    {found!r}".lstrip())


def contains(found, *parts):
    for part in parts:
        if part not in found:
            raise AssertionError(f"expected {part!r} in {found!r}")


class Session:
    """marsadm without arguments on a pseudo-terminal."""
    PROMPT = re.compile(r"(?:^|\n)(a [^\n]*> |  > )$")

    UNFINISHED = re.compile(r"\x1b(\[[0-9;?]*)?$")

    def __init__(self, site, *words, **environment):
        self.raw = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        site.beat()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
            os.chdir(site.work)
            os.execvpe("unshare", site.command(*words), site.environment(**environment))
        self.text = ""
        self.seen = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.wait_exit_quietly()
        os.close(self.fd)

    def wait_exit_quietly(self):
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass

    def read_more(self, until):
        left = until - time.monotonic()
        if left <= 0 or not select.select([self.fd], [], [], left)[0]:
            return False
        try:
            piece = os.read(self.fd, 65536)
        except OSError as error:
            if error.errno == errno.EIO:
                return False
            raise
        self.raw += self.decoder.decode(piece)
        cut = self.UNFINISHED.search(self.raw)  # the rest of it comes with the next piece
        whole, self.raw = (self.raw[:cut.start()], self.raw[cut.start():]) if cut else (self.raw, "")
        self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\x07", "", whole)
        # The sanitizer warns once that macros which may sleep have a stack of their own.
        self.text = re.sub(r"(?:\w+: )?==\d+==WARNING: ASan doesn't fully support [^\n]*\n+", "", self.text)
        return bool(piece)

    # Waits until what came since the last call satisfies `wanted` (a text, or a function), and returns it.
    def expect(self, wanted):
        holds = wanted if callable(wanted) else lambda new: wanted in new
        until = time.monotonic() + DEADLINE
        while not holds(self.text[self.seen:]):
            if not self.read_more(until):
                raise AssertionError(f"expected {wanted!r}, found {self.text[self.seen:]!r}\nall: {self.text}")
        new = self.text[self.seen:]
        self.seen = len(self.text)
        return new

    def prompt(self):
        return self.expect(lambda new: self.PROMPT.search(new))

    def type(self, keys):
        os.write(self.fd, keys.encode())

    # Types a line; what it prints until the next prompt, without echo and prompt.
    def line(self, text):
        start = len(self.text)
        self.type(text + "\n")
        until = time.monotonic() + DEADLINE
        while True:
            echo, newline, rest = self.text[start:].partition("\n")
            found = self.PROMPT.search("\n" + rest) if newline else None
            if found:
                self.seen = len(self.text)
                return ("\n" + rest)[:found.start()].strip("\n")
            if not self.read_more(until):
                raise AssertionError(f"no prompt after {text!r}: {self.text[start:]!r}")

    def exit_status(self):
        until = time.monotonic() + DEADLINE
        while self.read_more(until):
            pass
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)
