# SPDX-License-Identifier: GPL-2.0-or-later
"""A planned handover completes or gives everything back, whatever happens to the person who began it: signals, a lost
terminal, a cut ssh connection, a host of the operator that dies, in each phase, with and without an application. Only a
marsadm that was killed leaves it half done: that is told on every host, and the same command completes it; so it is on
the way home of an application that does not start.

    hostA, hostB (the role goes to and fro)        hostC (a desk: no marsd, ssh to both)

MARS_MATRIX=all: everything in all phases (10 minutes), as a table; else a part of it.
"""

import json
import os

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, two_hosts
from testhosts.units import APPLICATION_UNIT, add_template, install_templates, wait_active

RES = "db"
UNITS = f"app-{RES}.service vol-{RES}.mount"
# Says each 10 ms that it runs, and keeps a file open. Does not end while /root/stays is there.
APPLICATION = f"""\
exec 9>> /vol/{RES}/held
trap 'while test -e /root/stays; do read -rt 0.1 <> <(:); done; exit 0' TERM
while :; do echo "$EPOCHREALTIME" >> /root/ran; read -rt 0.01 <> <(:); done
"""
# Runs marsadm on a terminal, and does something to it as soon as it has said something.
OPERATOR = """\
import json, os, pty, re, signal, subprocess, sys
action, words = sys.argv[1], sys.argv[3:]
moment = re.compile(sys.argv[2].encode(), re.DOTALL)
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
    if not is_done and moment.search(seen):
        is_done = True
        if action == "host":  # the cable first: its end is not to be heard
            subprocess.run(["ip", "link", "set", "host0", "down"], check=True)
            os.kill(pid, signal.SIGKILL)
        elif action == "terminal":
            os.close(terminal)
            is_open = False
        else:
            os.kill(pid, getattr(signal, action))
status = os.waitpid(pid, 0)[1]
print(json.dumps({"hit": is_done, "status": os.waitstatus_to_exitcode(status), "said": seen.decode(errors="replace")}))
"""
# "caller", "host": the command is given on hostC, which is killed there, or which dies.
ACTIONS = ["SIGHUP", "SIGTERM", "SIGINT", "SIGKILL", "terminal", "ssh", "caller", "host"]
PHASES = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "10", "11"]
SOME = {("SIGHUP", "3"), ("SIGHUP", "5"), ("SIGTERM", "4"), ("SIGINT", "2"), ("SIGINT", "8"), ("SIGKILL", "3"),
        ("SIGKILL", "5"), ("terminal", "4"), ("terminal", "6"), ("ssh", "5"), ("caller", "3"), ("host", "6")}
# Where the way home is cut short, as the command tells it, and whether the role has left the new host by then.
WAY_HOME = {"the start is given up": "taking it back", "everything is stopped": r"taking it back.*vol-db.mount is stopped",
            "nobody is primary": r"taking it back.*-> \(none\)", "the old host is primary": r"\(none\).*\(none\).*-> host"}
IS_ALL = os.environ.get("MARS_MATRIX") == "all"


def is_wanted(action, phase, has_application):
    if IS_ALL:
        return has_application or phase != "3"
    return has_application and (action, phase) in SOME


def primary_of(host):
    return host.key(f"resource-{RES}/primary")


def note_of(host):
    """What is left, everywhere, of a handover that was begun there."""
    return f"resource-{RES}/userspace/handover-{host.name}"


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
    """The host where role and application are, and the other one, when both agree and nothing moves any more."""
    def one():
        there = primary_of(a)
        assert there == primary_of(b) and there in (a.name, b.name), f"{there} and {primary_of(b)}"
        here, other = (a, b) if there == a.name else (b, a)
        here.wait_device(RES, timeout=1)
        if has_application:
            runs_only_at(here, other)
        for host in (a, b):  # udev may look into a new device
            assert has_application or host.key(f"resource-{RES}/actual-{there}/open-count") == "0"
        return here, other
    return wait_for("role and application are in one place", one, timeout=40)


def begin(old, new, third, action, phase):
    """Has the role go from `old` to `new`, and does it to the operator in that phase."""
    command = ["marsadm", "primary", RES]
    # A display that follows another host may not show each of its lines.
    moment = f"phase {phase}:" if third is None else "phase (?:" + "|".join(PHASES[PHASES.index(phase):]) + "):"
    if action == "ssh":
        return operate(old, "SIGKILL", moment, ["ssh", "-tt", new.name, *command])
    if third:
        words = ["env", "TERM=linux", "marsadm", f"@{new.name}", *command[1:]]
        return operate(third, "SIGKILL" if action == "caller" else action, moment, words)
    return operate(new, action, moment, command)


def operate(host, action, moment, words):
    result = host.run(["python3", "/root/run_on_terminal.py", action, moment, *words], timeout=180)
    return json.loads(result.out.splitlines()[-1])


def repair(third):
    """After the action "host"."""
    third.run(f"ip link set host0 up && ip route replace default via {third.address.rpartition('.')[0]}.1")


def expect(case, told, is_moved, action, phase):
    """What status and words of the command must be, given whether the role has moved."""
    said = told["said"]
    assert told["hit"], f"{case}: the phase never began: {said}"
    if action in ("SIGKILL", "ssh", "caller", "host"):
        return
    lost = [4] if action == "terminal" else []  # what it says does not arrive
    if is_moved:
        assert told["status"] in [0, *lost], f"{case}: status {told['status']} though it is complete: {said}"
    else:
        assert told["status"] in [6, *lost] and int(phase) <= 4, f"{case}: status {told['status']}: {said}"
    if action != "terminal":
        for lie in ("nobody is designated primary", "the old primary is untouched"):
            assert lie not in said, f"{case}: {said}"


def expect_told(case, new, hosts):
    """What was left is told everywhere, or has come to its end without the command: then the note goes."""
    for host in hosts:
        wait_for(f"{case}: {host.name} says so",
                 lambda h=host: "was not finished" in view(h) or h.key(note_of(new)) is None)
    left = new.key(note_of(new))
    return f"left and told: {left}" if left else ""


def expect_no_note(case, new, hosts):
    for host in hosts:
        wait_for(f"{case}: no note is left at {host.name}", lambda h=host: h.key(note_of(new)) is None)


def one_case(old, new, third, action, phase, has_application):
    """Returns the host that has the role afterwards, and the other one."""
    case = f"{action} in phase {phase} {'with' if has_application else 'without'} application"
    is_slow = (action, phase, has_application) == ("host", "3", True)  # in vain, until the command is known to be alone
    if is_slow:
        old.run("touch /root/stays")
    told = begin(old, new, third if action in ("caller", "host") else None, action, phase)
    note = ""
    if action == "SIGKILL":
        # It may have been too late to leave anything undone.
        if new.key(note_of(new)) and int(phase) < 10:
            note = expect_told(case, new, (old, new))
        new.marsadm(f"primary {RES}")
    else:
        # Not those that systemd runs, which look at what has changed a little longer.
        wait_for(f"{case}: it has ended",
                 lambda: new.run(["pgrep", "-f", "^marsadm (--attended|primary)"], check=False).code != 0, timeout=90)
    if is_slow:
        old.run("rm /root/stays")
    if action == "host":
        repair(third)
    here, other = settled(old, new, has_application)
    is_moved = here is new
    # Of a host that dies nobody hears; a command that is through before that counts goes on.
    must_move = action == "SIGKILL" or int(phase) > 4 or (action == "host" and not is_slow)
    assert is_moved or not must_move, f"{case}: {told}"
    assert not (is_moved and is_slow), f"{case}: {told}"
    expect(case, told, is_moved, action, phase)
    expect_no_note(case, new, (old, new))
    length = away(old, new) if has_application and is_moved else 0.0
    print(f"  {action:8} phase {phase:>2} {'ext4 + service' if has_application else 'no application':14} "
          f"→ {'moved' if is_moved else 'stayed':6}, status {told['status']}, away {length:.2f} s {note}", flush=True)
    return here, other


def one_way_home(old, new, moment, is_to_new):
    """The application does not start at `new`, and the command is killed while it takes it back to `old`."""
    case = f"killed on the way home when {moment}"
    template = "'/etc/marsadm/systemd-templates/app-^{name}.service'"
    new.run(f"sed -i 's,/root/app,/root/nothing,' {template}")
    told = operate(new, "SIGKILL", WAY_HOME[moment], ["marsadm", "primary", RES])
    assert told["hit"] and told["status"] == -9, f"{case}: {told}"
    if moment == "the old host is primary":  # the rest is done there, whatever becomes of the command
        note = ""
        assert settled(old, new, True)[0] is old, case
    else:
        note = expect_told(case, new, (old, new))
        towards = new if moment == "the start is given up" else old
        assert f"told: {towards.name}," in note, f"{case}: {note}"
    new.run(f"sed -i 's,/root/nothing,/root/app,' {template}")
    target = new if is_to_new else old
    target.marsadm(f"primary {RES}")
    here, other = settled(old, new, True)
    assert here is target, case
    expect_no_note(case, new, (old, new))
    print(f"  {case} → completed at the {'new' if is_to_new else 'old'} host {note}", flush=True)
    return here, other


# Interrupted once the old primary is called off: what runs on the new one goes on.
CALLER = """marsadm @{new} primary {res} > /root/said 2>&1 &
until [ "$(readlink /mars/resource-{res}/primary)" != {old} ]; do sleep 0.01; done
kill -TERM $!
wait $!
"""


def interrupted_caller_hears_the_end(old, new):
    ended = old.run(["bash", "-c", CALLER.format(old=old.name, new=new.name, res=RES)], check=False, timeout=120)
    said = old.run("cat /root/said").out
    assert settled(old, new, True)[0] is new, said
    if ended.code == 6:  # the end came too late to be heard
        assert "goes on to its end; it said last there: 'phase " in said, said
    else:
        assert ended.code == 0 and "phase 11:" in said, f"status {ended.code}: {said}"


def pair(cluster, size):
    for host in cluster.hosts:
        install_templates(host)
        add_template(host, "app-^{name}.service", APPLICATION_UNIT + "TimeoutStopSec=120\n")
    a, b, _ = two_hosts(cluster, RES, size)
    for host in (a, b):
        host.write_file("/root/app", APPLICATION)
        host.write_file("/root/run_on_terminal.py", OPERATOR)
        wait_active(host, "mars.service")
    return a, b


def start_application(a, b):
    a.run(f"mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/mars/{RES}")  # else it goes on writing later
    a.marsadm(f"set-systemd-unit {RES} {UNITS}")
    a.marsadm(f"set-systemd-want {RES} {a.name}")
    wait_active(a, f"app-{RES}.service")
    settled(a, b, True)


def backlog_arrives_before_it_stops(cluster, old, new):
    new.wait_caught_up(RES, old)
    line = cluster.link(old, new)
    line.shape("3mbit")
    mib = 24 if IS_ALL else 2
    old.run(f"dd if=/dev/urandom of=/vol/{RES}/backlog bs=1M count={mib} conv=fsync status=none", timeout=120)
    moved = new.marsadm(f"primary {RES}", timeout=300)
    line.shape(None)
    here, other = settled(old, new, True)
    assert here is new, moved
    assert "have to arrive here" in moved.out.partition("phase 3:")[0], moved
    print(f"  a backlog of {mib} MiB over 3 Mbit/s: away for {away(old, new):.2f} s", flush=True)
    return here, other


def test_a_handover_completes_or_gives_everything_back(state):
    with MarsCluster(state, ["hostA", "hostB", "hostC"]) as cluster:
        third = cluster.hosts[2]
        third.write_file("/root/run_on_terminal.py", OPERATOR)
        here, other = pair(cluster, 64 * MIB)
        for has_application in (False, True):
            if has_application:
                start_application(here, other)
                here, other = backlog_arrives_before_it_stops(cluster, here, other)
            for action in ACTIONS:
                for phase in PHASES:
                    if is_wanted(action, phase, has_application):
                        here, other = one_case(here, other, third, action, phase, has_application)
        for moment in WAY_HOME if IS_ALL else ["nobody is primary"]:
            for is_to_new in (True, False) if IS_ALL else (True,):
                here, other = one_way_home(here, other, moment, is_to_new)
        interrupted_caller_hears_the_end(here, other)


if __name__ == "__main__":
    main(globals())
