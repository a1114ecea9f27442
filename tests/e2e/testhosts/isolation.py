# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a task in mount and process namespaces of its own, and cleans up behind it, whatever happens to it.

    front ──── keeper ──── stage ──── init (pid 1 inside) ──── task, hosts, everything
    (yours)    (cleans)    (waits)    (reaps)

- The front waits and passes signals on. If it dies, even by SIGKILL, the keeper notices (a pipe ends) and ends all others.
- If the keeper dies, the kernel kills stage and init with it, and init's death kills everything inside. What remains
  then (files, loop devices) is swept by the next run, or by `python3 -m testhosts.cleanup`.
- Mounts and network namespaces exist inside only, so they cannot be left over.
"""

import os
import select
import signal
import sys
import traceback

from . import linux
from .state import State, sweep

SKIP = 77  # exit code that ctest counts as "skipped"
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_isolated(task):
    """Runs task(state) in namespaces of its own; returns its exit code (None counts as 0, an exception as 1).

    The task may call keep() to let everything live on after this function has returned.
    """
    if os.geteuid() != 0:
        print("test hosts need root (namespaces, loop devices, mounts): skipped", file=sys.stderr)
        return SKIP
    sweep()
    sys.stdout.flush()
    sys.stderr.flush()
    lifeline_read, lifeline_write = os.pipe()
    kept_read, kept_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(lifeline_write)
        os.close(kept_read)
        _end(_keeper, task, lifeline_read, kept_write)
    os.close(lifeline_read)
    os.close(kept_write)
    _forward_signals(pid)
    ended = os.pidfd_open(pid)
    ready, _, _ = select.select([ended, kept_read], [], [])
    if ended not in ready and os.read(kept_read, 1):
        return 0
    return _exit_code(os.waitpid(pid, 0)[1])


def _keeper(task, lifeline, kept_pipe):
    os.setsid()
    linux.adopt_orphans()
    state = State.create()
    state.write("keeper", str(os.getpid()))
    pid = os.fork()
    if pid == 0:
        os.close(lifeline)
        _end(_stage, task, state, kept_pipe, os.getppid())
    os.close(kept_pipe)
    _forward_signals(pid)
    code = _guard(pid, state, lifeline)
    _reap_all()
    state.undo()
    return code


def _guard(pid, state, lifeline):
    """Waits for the end of `pid`; kills it when the front is gone, unless the task wants to be kept."""
    ended = os.pidfd_open(pid)
    watched = [ended, lifeline]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if ended in ready:
            return _exit_code(os.waitpid(pid, 0)[1])
        watched.remove(lifeline)
        if state.kept:
            _drop_stdio()
            signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGKILL))
        else:
            os.kill(pid, signal.SIGKILL)


def _reap_all():
    """Waits for everything inside to end: init ends only after all others of its process namespace."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass  # nobody is left


def _stage(task, state, kept_pipe, keeper):
    linux.die_with_parent(signal.SIGKILL)
    if os.getppid() != keeper:
        return 1
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWPID)
    linux.mount(None, "/", flags=linux.MS_PRIVATE_RECURSIVE)
    pid = os.fork()
    if pid == 0:
        _end(_init, task, state, kept_pipe)
    os.close(kept_pipe)
    _drop_stdio()  # the task's outputs belong to the task alone: a kept one gives them back
    _forward_signals(pid)
    return _exit_code(os.waitpid(pid, 0)[1])


def _init(task, state, kept_pipe):
    linux.die_with_parent(signal.SIGKILL)
    linux.mount("proc", "/proc", "proc")
    os.makedirs("/run/netns", exist_ok=True)
    linux.mount("tmpfs", "/run/netns", "tmpfs")
    pid = os.fork()
    if pid == 0:
        _end(_task, task, state, kept_pipe)
    os.close(kept_pipe)
    _drop_stdio()
    _forward_signals(pid)
    while True:
        ended, status = os.wait()
        if ended == pid:
            return _exit_code(status)


def _task(task, state, kept_pipe):
    def terminate(number, _frame):
        raise SystemExit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, terminate)
    state.kept_pipe = kept_pipe
    return task(state)


def keep(state):
    """Lets the front return now with exit code 0; everything lives until cleanup is told to end it. Does not return."""
    state.write("kept", "")
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(state.kept_pipe, b"k")
    os.close(state.kept_pipe)
    _drop_stdio()
    while True:
        signal.pause()


def _drop_stdio():
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _forward_signals(pid):
    def forward(number, _frame):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # it has ended already; whoever waits for it will see

    for number in _FORWARDED:
        signal.signal(number, forward)


def _exit_code(status):
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _end(function, *arguments):
    """Calls the function of a forked process and ends the process with its result."""
    code = 1
    try:
        code = function(*arguments) or 0
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except BaseException:  # pylint: disable=broad-except  # the last door: a forked process must not return
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            pass  # nobody reads any more
        os._exit(code)
