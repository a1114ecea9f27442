# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that marsadm starts end with it, cost no more than their deadline, and are named while they are waited for;
# what they leave behind on purpose is left alone. How marsadm itself is started: lines from a pipe, closed descriptors,
# a PATH without it.
import os
import signal
import subprocess
import threading
import time

from shell_site import DEADLINE, MARSADM, Site, check, contains

MARK = "marsadm-attended: 1\n"


def wait_for(what, condition):
    until = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > until:
            raise AssertionError("waited in vain for: " + what)
        time.sleep(0.02)


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def hook(site, then, name="hook-pre-pause-fetch"):
    site.write("etc/" + name, "#!/bin/sh\n" + then + "\n", 0o755)


def numbers(site, name, count):
    def read():
        try:
            with open(site.path(name)) as file:
                return [int(word) for word in file.read().split()]
        except FileNotFoundError:
            return []
    wait_for(f"{count} numbers of processes", lambda: len(read()) >= count)
    return read()


def start(site, *words, **how):
    site.beat()
    return subprocess.Popen(site.command(*words), cwd=site.work, env=site.environment(), stderr=subprocess.PIPE,
                            text=True, **how)


def a_child_in_the_background_is_not_waited_for():
    with Site() as site:
        pids = site.path("pids")
        hook(site, f"echo said; sleep 1000 & echo $! > {pids}")
        status, out, err = site.marsadm("pause-fetch", "r")
        (pid,) = numbers(site, "pids", 1)
        try:
            check(status, 0)
            contains(out, "said")
            contains(err, f"hook {site.etc}/hook-pre-pause-fetch has ended, but has left a process behind")
            check(lives(pid), True)  # on purpose
        finally:
            os.kill(pid, signal.SIGKILL)


def a_hook_has_a_deadline():
    with Site() as site:
        hook(site, "exec sleep 1000")
        for words in (("--hook-timeout=1",), ("--timeout=1",)):  # its own, and that of the whole verb
            status, _, err = site.marsadm("pause-fetch", "r", *words)
            check(status, 1)
            contains(err, "hook-pre-pause-fetch took longer than ", "it was ended at phase 1", "[hook.failed]")
        site.write("etc/marsadm.conf", "hook-timeout = 1\n")
        check(site.marsadm("pause-fetch", "r")[0], 1)
        check(site.get("resource-r/todo-a/connect"), "1")


def what_is_waited_for_is_said():
    with Site() as site:
        pids = site.path("pids")
        hook(site, f"echo $$ > {pids}; exec sleep 1000")
        run = start(site, "pause-fetch", "r", stdout=subprocess.PIPE)
        (pid,) = numbers(site, "pids", 1)
        said = ""
        alarm = threading.Timer(DEADLINE, run.kill)
        alarm.start()
        while "waiting for 2" not in said:
            line = run.stdout.readline()
            if not line:
                raise AssertionError("the hook was never named: " + said)
            said += line
        alarm.cancel()
        contains(said, f"the hook {site.etc}/hook-pre-pause-fetch")
        run.send_signal(signal.SIGINT)
        err = run.communicate(timeout=DEADLINE)[1]
        check(run.returncode, 6)
        contains(err, "hook-pre-pause-fetch at phase 1 was waited for")
        wait_for("the end of the hook", lambda: not lives(pid))


def what_runs_ends_with_a_marsadm_that_is_killed():
    with Site() as site:
        pids = site.path("pids")
        hook(site, f"sleep 1000 & echo $$ $! > {pids}; wait")
        for number in (signal.SIGKILL, signal.SIGTERM):
            run = start(site, "pause-fetch", "r", stdout=subprocess.DEVNULL)
            both = numbers(site, "pids", 2)
            run.send_signal(number)
            run.communicate(timeout=DEADLINE)
            wait_for("the end of the hook and its child", lambda: not any(map(lives, both)))
            os.unlink(pids)


def attended(*words, **how):
    return subprocess.Popen([MARSADM, "--attended", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **how)


# What runs on another host for a marsadm here: `stdin` is the connection.
def what_runs_on_another_host_ends_with_its_caller():
    run = attended("600000", "5", "cat")
    run.stdin.write("hello")
    run.stdin.flush()
    check(run.stdout.read(), "hello")  # although the connection stays open
    check((run.wait(DEADLINE), run.stderr.read()), (0, MARK))
    run.stdin.close()
    script = "sleep 1000 & echo $$ $!; wait"
    for how in ("closed", "killed", "late"):
        run = attended("500" if how == "late" else "600000", "0", "sh", "-c", script)
        both = [int(word) for word in run.stdout.readline().split()]
        check(len(both), 2)
        if how == "closed":
            run.stdin.close()
        if how == "killed":
            run.kill()
        status = run.wait(DEADLINE)
        if how != "killed":
            check(status, 128 + signal.SIGTERM)
            wait_for("the end of all that runs there", lambda: not any(map(lives, both)))
        else:
            wait_for("the end of what runs there", lambda: not lives(both[0]))
            os.kill(both[1], signal.SIGKILL)
        for stream in (run.stdin, run.stdout, run.stderr):
            stream.close()
    run = attended("600000", "0", "/no/such/program")
    check(run.stderr.read(), MARK + "error: cannot run /no/such/program: No such file or directory\n")
    check(run.wait(DEADLINE), 127)
    for stream in (run.stdin, run.stdout, run.stderr):
        stream.close()


# marsadm keeps its own files private; what a hook or a command on another host makes is none of them.
def programs_have_the_umask_of_their_caller():
    with Site() as site:
        hook(site, "umask")
        old = os.umask(0o027)
        try:
            contains(site.marsadm("pause-fetch", "r")[1], "0027")
            run = attended("600000", "0", "sh", "-c", "umask")
            check(run.stdout.read(), "0027\n")  # its stdin stays open: that is its caller
            run.communicate(timeout=DEADLINE)
        finally:
            os.umask(old)


def lines_from_a_pipe_are_a_script():
    with Site() as site:
        lines = "view-replstate r\nview-get-primary r\n"
        check(site.marsadm(stdin=lines)[:2], site.marsadm("shell", stdin=lines)[:2])
        status, out, err = site.marsadm(stdin="view-get-primary r\n")
        check((status, out), (0, "b\n"))
        status, _, err = site.marsadm(stdin="")
        check(status, 2)
        contains(err, "no verb given")
        run = start(site, stdin=subprocess.DEVNULL)
        contains(run.communicate(timeout=DEADLINE)[1], "no verb given")
        check(run.returncode, 2)


def closed_descriptors_are_nobodys():
    with Site() as site:
        pids = site.path("pids")
        hook(site, f"echo $$ > {pids}; exec sleep 1000")
        run = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *site.command("pause-fetch", "r")],
                               cwd=site.work, env=site.environment())
        try:
            numbers(site, "pids", 1)
            check([os.readlink(f"/proc/{run.pid}/fd/{fd}") for fd in range(3)], ["/dev/null"] * 3)
        finally:
            run.terminate()
            run.wait(DEADLINE)


def the_own_program_is_found_without_path():
    with Site() as site:
        status, out, err = site.marsadm("@a", "version", PATH="/usr/bin:/bin")
        check((status, err), (0, ""))
        contains(out, "a: ")


def an_address_is_no_name():
    with Site() as site:
        status, _, err = site.marsadm("join-cluster", "10.77.1.2")
        check(status, 2)
        contains(err, "next: marsadm join-cluster HOST 10.77.1.2")


for test in (a_child_in_the_background_is_not_waited_for, a_hook_has_a_deadline, what_is_waited_for_is_said,
             what_runs_ends_with_a_marsadm_that_is_killed, what_runs_on_another_host_ends_with_its_caller,
             programs_have_the_umask_of_their_caller, lines_from_a_pipe_are_a_script, closed_descriptors_are_nobodys, the_own_program_is_found_without_path,
             an_address_is_no_name):
    test()
    print("ok", test.__name__)
