# SPDX-License-Identifier: GPL-2.0-or-later
"""A planned handover completes or gives everything back, whatever happens to the person who began it: signals, a lost
terminal, a cut ssh connection, in each phase, with and without an application. Only a marsadm that was killed leaves it
half done: that is told on every host, and the same command completes it.

MARS_MATRIX=all: all signals in all phases (10 minutes), as a table; else a part of them.
"""

import json
import os

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, two_hosts
from testhosts.units import APPLICATION_UNIT, add_template, install_templates, wait_active

RES = "db"
UNITS = f"app-{RES}.service vol-{RES}.mount"
# Says each 10 ms that it runs, and keeps a file open.
APPLICATION = f"""\
exec 9>> /vol/{RES}/held
trap 'exit 0' TERM
while :; do echo "$EPOCHREALTIME" >> /root/ran; read -rt 0.01 <> <(:); done
"""
# Runs marsadm on a terminal, and does something to it as soon as a phase begins.
OPERATOR = """\
import json, os, pty, signal, subprocess, sys
action, phase, words = sys.argv[1], sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(words[0], words)
seen, is_done, is_open = b"", False, True
while is_open:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        piece = b""
    if not piece:
        break
    seen += piece
    if not is_done and b"phase " + phase.encode() + b":" in seen:
        is_done = True
        if action == "terminal":
            os.close(terminal)
            is_open = False
        else:
            os.kill(pid, getattr(signal, action))
status = os.waitpid(pid, 0)[1]
print(json.dumps({"hit": is_done, "status": os.waitstatus_to_exitcode(status), "said": seen.decode(errors="replace")}))
"""
ACTIONS = ["SIGHUP", "SIGTERM", "SIGINT", "SIGKILL", "terminal", "ssh"]
PHASES = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "10", "11"]
SOME = {("SIGHUP", "3"), ("SIGHUP", "5"), ("SIGTERM", "4"), ("SIGINT", "2"), ("SIGINT", "8"), ("SIGKILL", "3"),
        ("SIGKILL", "5"), ("terminal", "4"), ("terminal", "6"), ("ssh", "5")}


def is_wanted(action, phase, has_application):
    if os.environ.get("MARS_MATRIX") == "all":
        return has_application or phase != "3"
    return has_application and (action, phase) in SOME


def primary_of(host):
    return host.key(f"resource-{RES}/primary")


def view(host):
    said = host.marsadm(f"view {RES}")
    return said.out + said.err


def last_sign(host):
    return float(host.run("tail -n 1 /root/ran 2>/dev/null || echo 0", check=False).out or 0)


def runs_only_at(here, there):
    assert last_sign(here) > last_sign(there), "it does not run there yet"
    assert here.run(f"systemctl is-active app-{RES}.service", check=False).out == "active\n"
    assert there.run(f"systemctl is-active vol-{RES}.mount", check=False).out != "active\n"
    return True


def away(old, new):
    """Seconds between the last sign of the application at the old host and its first one at the new one."""
    end = last_sign(old)
    later = [float(line) for line in new.run("cat /root/ran").out.split() if float(line) > end]
    return later[0] - end if later else 0.0


def settled(a, b, has_application):
    """Where role and application are, when both agree and nothing moves any more."""
    def one():
        there = primary_of(a)
        assert there == primary_of(b) and there in ("hostA", "hostB"), f"{there} and {primary_of(b)}"
        here, other = (a, b) if there == "hostA" else (b, a)
        here.wait_device(RES, timeout=1)
        if has_application:
            runs_only_at(here, other)
        for host in (a, b):  # udev may look into a new device
            assert has_application or host.key(f"resource-{RES}/actual-{there}/open-count") == "0"
        return here
    return wait_for("role and application are in one place", one, timeout=40)


def begin(host, action, phase, words):
    if action == "ssh":
        words = ["ssh", "-tt", "hostB", *words]
    result = host.run(["python3", "/root/run_on_terminal.py", "SIGKILL" if action == "ssh" else action, phase, *words],
                      timeout=120)
    return json.loads(result.out.splitlines()[-1])


def expect(case, told, where, action, phase):
    """What status and words of the command must be, given where the role is now."""
    said = told["said"]
    assert told["hit"], f"{case}: the phase never began: {said}"
    if action in ("SIGKILL", "ssh"):
        return
    lost = [4] if action == "terminal" else []  # what it says does not arrive
    if where.name == "hostB":
        assert told["status"] in [0, *lost], f"{case}: status {told['status']} though it is complete: {said}"
    else:
        assert told["status"] in [6, *lost] and int(phase) <= 4, f"{case}: status {told['status']}: {said}"
    if action != "terminal":
        for lie in ("nobody is designated primary", "the old primary is untouched"):
            assert lie not in said or primary_of(where) == "(none)", f"{case}: {said}"


def one_case(a, b, action, phase, has_application):
    case = f"{action} in phase {phase} {'with' if has_application else 'without'} application"
    told = begin(a if action == "ssh" else b, action, phase, ["marsadm", "primary", RES])
    if action == "SIGKILL":
        # It may have been too late to leave anything undone.
        left = b.key(f"resource-{RES}/userspace/handover-hostB")
        note = ""
        if left and int(phase) < 10:
            for host in (a, b):
                wait_for(f"{case}: {host.name} says so", lambda h=host: "was not finished" in view(h))
            note = "left and told: " + b.key(f"resource-{RES}/userspace/handover-hostB")
        b.marsadm(f"primary {RES}")
        where = settled(a, b, has_application)
        assert where is b, case
    else:
        wait_for(f"{case}: it has ended", lambda: b.run("pgrep -x marsadm", check=False).code != 0, timeout=60)
        where = settled(a, b, has_application)
        note = ""
        if action == "ssh":
            assert where is b or int(phase) <= 4, f"{case}: {told}"
    expect(case, told, where, action, phase)
    if action != "SIGKILL" or note == "":
        assert b.key(f"resource-{RES}/userspace/handover-hostB") in ("", ".deleted", None), f"{case}: a note is left"
    length = away(a, b) if has_application and where is b else 0.0
    print(f"  {action:8} phase {phase:>2} {'ext4 + service' if has_application else 'no application':14} "
          f"→ {where.name}, status {told['status']}, away {length:.2f} s {note}")
    if where is b:
        a.marsadm(f"primary {RES}")
    settled(a, b, has_application)


# Interrupted once the old primary is called off: what runs on hostB goes on.
CALLER = f"""marsadm @hostB primary {RES} > /root/said 2>&1 &
until [ "$(readlink /mars/resource-{RES}/primary)" != hostA ]; do sleep 0.01; done
kill -TERM $!
wait $!
"""


def interrupted_caller_hears_the_end(a, b):
    ended = a.run(["bash", "-c", CALLER], check=False, timeout=120)
    said = a.run("cat /root/said").out
    assert settled(a, b, True) is b, said
    if ended.code == 6:  # the end came too late to be heard
        assert "goes on to its end; it said last there: 'phase " in said, said
    else:
        assert ended.code == 0 and "phase 11:" in said, f"status {ended.code}: {said}"
    a.marsadm(f"primary {RES}")
    settled(a, b, True)


def pair(cluster, size):
    for host in cluster.hosts:
        install_templates(host)
        add_template(host, "app-^{name}.service", APPLICATION_UNIT)
    a, b, _ = two_hosts(cluster, RES, size)
    for host in (a, b):
        host.write_file("/root/app", APPLICATION)
        host.write_file("/root/run_on_terminal.py", OPERATOR)
        wait_active(host, "mars.service")
    return a, b


def start_application(a, b):
    a.run(f"mkfs.ext4 -q /dev/mars/{RES}")
    a.marsadm(f"set-systemd-unit {RES} {UNITS}")
    a.marsadm(f"set-systemd-want {RES} hostA")
    wait_active(a, f"app-{RES}.service")
    settled(a, b, True)


def test_the_application_runs_while_a_backlog_arrives(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = pair(cluster, 64 * MIB)
        start_application(a, b)
        b.wait_caught_up(RES, a)
        cluster.link(a, b).shape("3mbit")
        mib = 24 if os.environ.get("MARS_MATRIX") == "all" else 2
        a.run(f"dd if=/dev/urandom of=/vol/{RES}/backlog bs=1M count={mib} conv=fsync status=none", timeout=120)
        moved = b.marsadm(f"primary {RES}", timeout=300)
        assert settled(a, b, True) is b
        before_it_stopped = moved.out.partition("phase 3:")[0]
        assert "have to arrive here" in before_it_stopped, moved
        print(f"  a backlog of {mib} MiB over 3 Mbit/s: away for {away(a, b):.2f} s")


def test_a_handover_completes_or_gives_everything_back(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = pair(cluster, 32 * MIB)
        for has_application in (False, True):
            if has_application:
                start_application(a, b)
            for action in ACTIONS:
                for phase in PHASES:
                    if is_wanted(action, phase, has_application):
                        one_case(a, b, action, phase, has_application)
        interrupted_caller_hears_the_end(a, b)


if __name__ == "__main__":
    main(globals())
