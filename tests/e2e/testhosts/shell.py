# SPDX-License-Identifier: GPL-2.0-or-later
"""Running commands: with a deadline, with both outputs kept, and with a failure that says everything."""

import os
import shlex
import signal
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """How a command ended. `where` is the host's name, or empty for this machine."""

    where: str
    command: str
    code: int
    out: str
    err: str

    def __str__(self):
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.command}\n  exit code {self.code}\n{_indent('out', self.out)}{_indent('err', self.err)}"


class CommandFailed(AssertionError):
    """A command that had to succeed did not, or did not end in time. `result` has the details."""

    def __init__(self, result, why):
        super().__init__(f"{why}: {result}")
        self.result = result


def _indent(label, text):
    return "".join(f"  {label}: {line}\n" for line in text.splitlines())


def as_argv(command):
    """A list is taken as it is, a string is given to sh."""
    return list(command) if not isinstance(command, str) else ["sh", "-c", command]


def shown(command):
    return command if isinstance(command, str) else shlex.join(command)


def run(command, check=True, timeout=60.0, stdin=None, prefix=(), where="", env=None):
    """Runs a command to its end and returns its Result.

    command: list of arguments, or a string for sh. check: raise CommandFailed on a non-zero exit code.
    timeout: seconds; the command and its children are killed then, and CommandFailed is raised in any case.
    stdin: str or bytes to feed, else nothing. prefix: arguments in front (nsenter …). where: a name for messages.
    """
    process = subprocess.Popen([*prefix, *as_argv(command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True, env=env)
    data = stdin.encode() if isinstance(stdin, str) else (stdin or b"")
    late = False
    try:
        out, err = process.communicate(data, timeout=timeout)
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(process.pid, signal.SIGKILL)
        out, err = _collect(process)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    result = Result(where, shown(command), process.returncode, out.decode(errors="replace"),
                    err.decode(errors="replace"))
    if late:
        raise CommandFailed(result, f"did not end within {timeout:g} s")
    if check and result.code != 0:
        raise CommandFailed(result, "command failed")
    return result


def _collect(process):
    """What a killed command has printed; does not wait for grandchildren that hold the pipes."""
    try:
        return process.communicate(timeout=2)
    except subprocess.TimeoutExpired:
        return b"", b"(its output is still held open by another process)"
