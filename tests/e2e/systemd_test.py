#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An application moves with its device: PostgreSQL on /dev/mars/db, systemd on both hosts, a client that keeps writing.

    client (hostC) ── rows ──▶ hostA  postgres-db.service ── vol-db.mount ── /dev/mars/db
                         └───▶ hostB        "                    "               "

Promises: no row that was acknowledged is ever lost, whoever is primary; after a power cut of the primary the application
comes up there by itself; a unit that does not stop leaves the application where it is, and the verb says why; a host that
is not ready for the application is not handed it, and one where it does not start gives it back with all data.
"""

import os
import signal
import subprocess

from testhosts import GIB, main, wait_for
from testhosts.mars import MarsCluster, TESTS_INSIDE, two_hosts
from testhosts.units import add_template, install_templates, is_active, wait_active

RES = "db"
DATA = f"/vol/{RES}/pg"
BIN = "/usr/lib/postgresql/15/bin"
MOVES = 10
UNITS = "postgres-db.service vol-db.mount"

POSTGRES = f"""\
[Unit]
Description=PostgreSQL of @{{name}}
Requires=vol-@escvar{{name}}.mount
After=vol-@escvar{{name}}.mount

[Service]
Type=notify
User=postgres
ExecStartPre=-/not/there
ExecStart={BIN}/postgres -D /vol/@{{name}}/pg -k /tmp
KillMode=mixed
KillSignal=SIGINT
TimeoutStopSec=30
"""

# Ignores SIGTERM for ever, and keeps a file open.
STUBBORN = """\
[Unit]
Requires=vol-@escvar{name}.mount
After=vol-@escvar{name}.mount

[Service]
ExecStart=/bin/sh -c 'trap "" TERM; exec tail -f /vol/@{name}/held'
TimeoutStopSec=infinity
"""

SETUP = f"""
mkfs.ext4 -q /dev/mars/{RES} && mkdir -p /vol/{RES} && mount /dev/mars/{RES} /vol/{RES}
mkdir {DATA} && chown postgres: {DATA} && chmod 700 {DATA}
setpriv --reuid postgres --regid postgres --init-groups {BIN}/initdb -A trust --no-sync -E UTF8 --locale=C -D {DATA} >/dev/null
echo "listen_addresses = '*'" >> {DATA}/postgresql.conf
echo "host all all 10.77.0.0/16 trust" >> {DATA}/pg_hba.conf
sync; umount /vol/{RES}
"""


def pair(cluster):
    """Two synced hosts with the templates, and (third) a client. Returns (a, b)."""
    for host in cluster.hosts[:2]:
        install_templates(host)
        add_template(host, "postgres-^{name}.service", POSTGRES)
    a, b, _ = two_hosts(cluster, RES, GIB)
    for host in (a, b):
        wait_active(host, "mars.service")
    return a, b


def start_application(a, b):
    a.run(SETUP, timeout=120)
    a.marsadm(f"set-systemd-unit {RES} {UNITS}")
    assert a.marsadm(f"get-systemd-unit {RES}").out == UNITS + "\n"
    a.marsadm(f"set-systemd-want {RES} (none)")
    a.marsadm(f"set-systemd-want {RES} hostA")
    wait_active(a, "postgres-db.service")
    wait_for("hostB has the units, too",
             lambda: b.run(["test", "-e", "/run/systemd/system/mars-db-trigger.path"], check=False).code == 0)
    sql(a, "CREATE TABLE rows (n bigint PRIMARY KEY)")


def sql(host, command):
    return host.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", host.address, "-U", "postgres", "-d",
                     "postgres", "-c", command]).out.strip()


class Client:
    """Writes rows from another host until it is stopped."""

    def __init__(self, host, hosts):
        self.host = host
        self.process = host.popen(["python3", f"{TESTS_INSIDE}/rows.py", "/root/rows", *(h.address for h in hosts)],
                                  stdout=subprocess.DEVNULL)

    def rows(self):
        """What was acknowledged: [(number, time, address)]."""
        text = self.host.run("cat /root/rows 2>/dev/null || true").out
        lines = [line.split() for line in text.splitlines() if line.count(" ") == 2]
        return [(int(number), float(when), where) for number, when, where in lines]

    def wait_writes_to(self, host, more=5):
        """Waits until rows arrive at that host, `more` of them from now on. Returns all rows."""
        seen = len([row for row in self.rows() if row[2] == host.address])
        wait_for(f"the client writes to {host.name}",
                 lambda: len([row for row in self.rows() if row[2] == host.address]) >= seen + more)
        return self.rows()

    def stop(self):
        self.host.run("pkill -TERM -f rows.py", check=False)
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(10)


def downtime(rows, address):
    """Seconds between the last row before the move to `address` and the first one there."""
    first = max(i for i, row in enumerate(rows) if row[2] == address and (i == 0 or rows[i - 1][2] != address))
    return rows[first][1] - rows[first - 1][1]


def expect_rows(host, rows):
    there = {int(line) for line in sql(host, "SELECT n FROM rows").split()}
    lost = sorted({number for number, _, _ in rows} - there)
    assert not lost, f"{host.name}: {len(lost)} acknowledged rows are lost: {lost[:20]}"


def test_the_application_moves_ten_times_and_survives_a_power_cut(state):
    with MarsCluster(state, ["hostA", "hostB", "hostC"]) as cluster:
        a, b = pair(cluster)
        start_application(a, b)
        client = Client(cluster.hosts[2], [a, b])
        client.wait_writes_to(a)
        here, there = a, b
        times = []
        for _ in range(MOVES):
            there.marsadm(f"primary {RES}", timeout=120)
            rows = client.wait_writes_to(there)
            times.append(downtime(rows, there.address))
            assert is_active(there, "postgres-db.service") and not is_active(here, "vol-db.mount")
            assert there.key(f"resource-{RES}/systemd-want") == there.name
            here, there = there, here
        print(f"  downtime of each move as the client saw it, s: {' '.join(f'{t:.1f}' for t in times)}; "
              f"{len(client.rows())} rows")
        expect_rows(here, client.rows())
        here.reboot()
        wait_active(here, "postgres-db.service", timeout=120)
        rows = client.wait_writes_to(here)
        print(f"  power cut and boot of the primary: {downtime_after_gap(rows):.1f} s without the application")
        client.stop()
        expect_rows(here, client.rows())


def downtime_after_gap(rows):
    return max(later[1] - earlier[1] for earlier, later in zip(rows, rows[1:]))


def test_an_application_that_cannot_stop_or_start_is_back_where_it_was(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = pair(cluster)
        start_application(a, b)
        squatter = a.popen(f"cd /vol/{RES} && exec sleep 100000")
        wait_for("somebody is in there", lambda: squatter.poll() is None and
                 a.run(f"ls -l /proc/*/cwd 2>/dev/null | grep -q 'vol/{RES}$'", check=False).code == 0)
        refused = b.marsadm(f"--timeout=60 primary {RES}", check=False, timeout=120)
        assert refused.code == 1 and "unit.stop" in refused.err, refused
        assert "sleep (pid" in refused.err and f"/vol/{RES}" in refused.err, f"who is it? {refused}"
        for host in (a, b):
            assert host.key(f"resource-{RES}/primary") == "hostA"
            assert host.key(f"resource-{RES}/systemd-want") == "hostA"
        wait_active(a, "postgres-db.service")
        assert sql(a, "SELECT count(*) FROM rows") == "0"
        a.run("kill $(pidof sleep)")
        squatter.wait(10)
        b.marsadm(f"primary {RES}", timeout=120)
        wait_active(b, "postgres-db.service")
        assert sql(b, "SELECT count(*) FROM rows") == "0"
        expect_unready_target(a, b)
        expect_way_home(a, b)


TEMPLATE = "/etc/marsadm/systemd-templates/postgres-^{name}.service"


def expect_unready_target(a, b):
    """The application runs at hostB, hostA lacks something: nothing stops, nothing is started twice."""
    pid = pid_of(b, "postgres-db.service")
    for lack, cure, expected in (
            (f"mv '{TEMPLATE}' /root/kept", f"mv /root/kept '{TEMPLATE}'", ["unit postgres-db.service: does not exist"]),
            (f"sed -i 's,/postgres -D,/lost&,' '{TEMPLATE}'", f"sed -i 's,/lost,,' '{TEMPLATE}'",
             [f"expected a program at {BIN}/lost/postgres, found nothing"]),
            (f"cp '{TEMPLATE}' /root/kept && sed -i 's,^User=.*,User=lost\\nGroup=gone\\nEnvironmentFile=/lost/env\\n"
             f"WorkingDirectory=/lost/dir,' '{TEMPLATE}'", f"mv /root/kept '{TEMPLATE}'",
             ["expected a user lost", "expected a group gone", "EnvironmentFile= /lost/env, found nothing",
              "WorkingDirectory= /lost/dir, found nothing"]),
            (f"rmdir /vol/{RES} && touch /vol/{RES}", f"rm /vol/{RES}", [f"as mount point /vol/{RES}, found a file"])):
        a.run(lack)
        refused = a.marsadm(f"primary {RES}", check=False, timeout=60)
        assert refused.code == 1 and "unit.target" in refused.err, refused
        assert all(text in refused.err for text in expected), f"expected {expected}: {refused}"
        assert "/not/there" not in refused.err, f"it need not be there: {refused}"
        assert "hostA" in refused.err and "next" in refused.err, refused
        a.run(cure)
        for host in (a, b):
            assert host.key(f"resource-{RES}/primary") == host.key(f"resource-{RES}/systemd-want") == "hostB"
        assert pid_of(b, "postgres-db.service") == pid, "it was stopped"


def expect_way_home(a, b):
    """It fails at hostA only when it is started: then it runs at hostB again, with what was written before."""
    sql(b, "INSERT INTO rows VALUES (4711)")
    a.run(f"cp '{TEMPLATE}' /root/kept && sed -i 's,^ExecStart=.*,ExecStart=/bin/false,' '{TEMPLATE}'")
    failed = a.marsadm(f"primary {RES}", check=False, timeout=120)
    assert failed.code == 1 and "it went back to host hostB and runs there" in failed.err, failed
    assert "without application for" in failed.err, failed
    wait_active(b, "postgres-db.service")
    assert sql(b, "SELECT n FROM rows") == "4711"
    assert not is_active(a, "vol-db.mount")
    for host in (a, b):
        wait_for(f"{host.name} knows", lambda h=host: h.key(f"resource-{RES}/primary") == "hostB")
    print("  " + failed.err.strip().splitlines()[-1])
    a.run(f"cp /root/kept '{TEMPLATE}'")
    a.marsadm(f"primary {RES}", timeout=120)
    wait_active(a, "postgres-db.service")
    assert sql(a, "SELECT n FROM rows") == "4711"


def pid_of(host, unit):
    return int(host.run(["systemctl", "show", "-p", "MainPID", "--value", unit]).out)


def expect_stays(a, b, pid):
    """The application goes on at hostA, as if nothing had been."""
    for host in (a, b):
        wait_for(f"{host.name} knows that it is wanted on hostA", lambda h=host: h.key(f"resource-{RES}/systemd-want") == "hostA")
        assert host.key(f"resource-{RES}/primary") == "hostA"
    a.run(f"kill -0 {pid} && findmnt -no TARGET /vol/{RES}")


def test_a_unit_that_ignores_its_end_stays_and_so_does_one_whose_move_is_interrupted(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        for host in cluster.hosts:
            add_template(host, "stubborn-^{name}.service", STUBBORN)
        a, b = pair(cluster)
        a.run(f"mkfs.ext4 -q /dev/mars/{RES} && mount /dev/mars/{RES} /mnt && touch /mnt/held && umount /mnt")
        a.marsadm(f"set-systemd-unit {RES} stubborn-db.service vol-db.mount")
        a.marsadm(f"set-systemd-want {RES} hostA")
        wait_active(a, "stubborn-db.service")
        pid = pid_of(a, "stubborn-db.service")

        verb = b.popen(f"echo $$ > /root/pid; exec marsadm --timeout=300 primary {RES}")
        wait_for("the unit shall end", lambda: a.run("systemctl is-active stubborn-db.service", check=False).out
                 == "deactivating\n")
        b.run("kill -INT $(cat /root/pid)")
        assert verb.wait(60) == 6, f"status {verb.returncode}"
        expect_stays(a, b, pid)

        refused = b.marsadm(f"--timeout=20 primary {RES}", check=False, timeout=120)
        assert refused.code == 1 and "unit.stop" in refused.err, refused
        assert f"tail (pid {pid})" in refused.err, f"who is it? {refused}"
        expect_stays(a, b, pid)

        a.run(f"kill -KILL {pid}")
        wait_for("it runs again", lambda: pid_of(a, "stubborn-db.service") not in (0, pid))
        wait_active(a, "stubborn-db.service")


PROBE = """\
return {
  name = "probe", version = "1",
  hooks = { ["state.*"] = "changed" },
}
"""
PROBE_CODE = """\
return { changed = function(e) mars.log(string.format("saw %s %s %s: %s -> %s", e.name, e.resource, e.host, e.old, e.new)) end }
"""


# Mallory has an account on the host, and files by names that root's marsadm looks for.
MALLORY = r"""
mkdir -p ~/.marsadm ~/systemd-templates ~/.marsadm/systemd-templates && cd ~ || exit
printf '# ALWAYS_START\n[Service]\nType=oneshot\nExecStart=/bin/touch /root/pwned\n' > systemd-templates/evil.service
cp systemd-templates/evil.service .marsadm/systemd-templates/
printf 'fine%%setlink{1}{/mars/userspace/evil}' > default.tpl
printf '#!/bin/sh\ntouch /root/pwned\n' > hook-pre && chmod 755 hook-pre
cp default.tpl hook-pre .marsadm/
"""


def what_strangers_have_is_not_used(host):
    host.run("echo mallory:x:4711:4711::/home/mallory:/bin/sh >> /etc/passwd; mkdir -p /home/mallory; "
             "chown 4711:4711 /home/mallory; chmod 755 /home /home/mallory")
    host.run("HOME=/home/mallory exec setpriv --reuid 4711 --regid 4711 --clear-groups sh -s", stdin=MALLORY)
    kept_home = "HOME=/home/mallory marsadm"  # as with sudo -E
    for marsadm, is_said in (("cd /home/mallory && marsadm", False), (kept_home, True),
                             ("cd /home/mallory && MARS_PATH=.:/etc/marsadm:/usr/lib/marsadm marsadm", True)):
        for verb in (f"view {RES}", f"systemd-trigger {RES}", f"pause-replay {RES}", f"resume-replay {RES}"):
            done = host.run(f"{marsadm} {verb}")
            assert (done.err.count("/home/mallory belongs to mallory (uid 4711), mode 0755; expected: owner root")
                    == int(is_said)), done
    host.run("ln -s /home/mallory/default.tpl /etc/marsadm/default.tpl; chmod 664 /etc/marsadm/marsadm.conf || "
             "install -m 664 /dev/null /etc/marsadm/marsadm.conf")
    done = host.run(f"marsadm view {RES}")
    assert done.err.count("is not used") == 2 and "may be changed by its group" in done.err, done
    host.run("rm /etc/marsadm/default.tpl; chmod 644 /etc/marsadm/marsadm.conf")
    host.run("test ! -e /root/pwned && test ! -e /run/systemd/system/evil.service")
    assert host.key("userspace/evil") is None, "view has written a key"
    # What root asks for explicitly is root's: a macro of its own that writes, by the verb that says so.
    host.write_file("/etc/marsadm/mark-acme.tpl", "marked%setlink{1}{/mars/userspace/acme}")
    refused = host.marsadm(f"view-mark-acme {RES}", check=False)
    assert refused.code == 1 and f"next: marsadm macro run mark-acme {RES}" in refused.err, refused
    assert host.marsadm(f"macro run mark-acme {RES}").out == "marked\n" and host.key("userspace/acme") == "1"
    host.run("rm -r /etc/marsadm/mark-acme.tpl /home/mallory; sed -i /^mallory:/d /etc/passwd")


def test_changes_of_state_reach_plugins(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = pair(cluster)
        a.run("mkdir -p /etc/marsadm/plugins/probe")
        a.write_file("/etc/marsadm/plugins/probe/plugin.lua", PROBE)
        a.write_file("/etc/marsadm/plugins/probe/init.lua", PROBE_CODE)
        a.run("chown -R 0:0 /etc/marsadm/plugins && chmod -R go-w /etc/marsadm/plugins && marsadm plugins check")
        a.run("systemctl start mars-watch-state")
        wait_for("it looks", lambda: a.run("ls -l /proc/$(systemctl show -p MainPID --value mars-watch-state)/fd "
                                           "| grep -q inotify", check=False).code == 0)
        b.marsadm(f"pause-replay {RES}")

        def has_seen():
            return f"saw state.replstate {RES} hostB: " in a.run("journalctl -o cat -u mars-watch-state").out
        wait_for("the change is told", has_seen)
        assert is_active(a, "mars-watch-state")
        assert a.run("systemctl show -p NRestarts --value mars-watch-state").out == "0\n"
        a.run("systemctl stop mars-watch-state")
        assert a.run("systemctl show -p Result --value mars-watch-state").out == "success\n"
        what_strangers_have_is_not_used(b)


NOTE = f"resource-{RES}/userspace/handover-hostB"


def killed_handover_is_told(a, b):
    """As `primary` on hostB leaves it when it is killed after nobody was designated."""
    b.run(f"mkdir -p /mars/resource-{RES}/userspace && ln -s hostB,5,4194304.1.01234567 /mars/{NOTE}")
    for host in (a, b):
        wait_for(f"{host.name} says so", lambda h=host: h.view("replstate", RES) == "HandoverUnfinished")
    assert f"not finished (phase 5); next: marsadm primary {RES} on hostB" in a.marsadm(f"view {RES}").out


def ended_application_is_told(a, b):
    """Whether it ends by order or by itself, while its filesystem stays mounted or not."""
    def is_shown(word):
        for host in (a, b):
            wait_for(f"{host.name} says {word}", lambda h=host: h.view("application-state", RES) == word)

    is_shown("Running")
    limits = b.run("systemctl show -p TimeoutStopUSec,TimeoutStopFailureMode --value mars-db-application.service").out.split()
    assert limits == ["5s", "kill"], f"the application is restarted only after that: {limits}"
    for end, state in (("systemctl stop postgres-db.service", "inactive"),
                       ("kill -KILL $(systemctl show -p MainPID --value postgres-db.service)", "failed")):
        b.run(end)
        is_shown("WantedNotRunning")
        assert is_active(b, "vol-db.mount") and b.key(f"resource-{RES}/actual-hostB/open-count") == "1"
        assert f"postgres-db.service there is {state}; next: systemctl status" in a.marsadm(f"view {RES}").out
        b.run("systemctl start postgres-db.service")
        is_shown("Running")
    b.run("systemctl stop postgres-db.service vol-db.mount")
    for host in (a, b):
        wait_for(f"{host.name} says so", lambda h=host: h.view("replstate", RES) == "WantedNotRunning")
    assert "systemctl status postgres-db.service on hostB" in a.marsadm(f"view {RES}").out
    b.marsadm(f"systemd-trigger {RES}")
    wait_active(b, "postgres-db.service")
    wait_for("hostA sees it", lambda: a.view("replstate", RES) == "Replaying")


def test_detach_secondary_and_leave_take_the_application_along(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = pair(cluster)
        start_application(a, b)
        a.marsadm(f"detach {RES}")
        assert not is_active(a, "vol-db.mount")
        a.marsadm(f"attach {RES}")
        wait_active(a, "postgres-db.service")
        a.marsadm(f"secondary {RES}")
        assert not is_active(a, "vol-db.mount") and a.key(f"resource-{RES}/systemd-want") == "(none)"
        killed_handover_is_told(a, b)
        b.marsadm(f"primary {RES}")
        wait_active(b, "postgres-db.service")
        wait_for("the handover is finished", lambda: a.key(NOTE) is None)
        ended_application_is_told(a, b)
        a.marsadm(f"down {RES}")
        a.marsadm(f"leave-resource {RES}", timeout=120)
        left = a.run("ls /run/systemd/system").out
        assert "db" not in left, f"units of a resource that was left: {left}"
        assert is_active(b, "postgres-db.service")


def test_templates_are_checked(state):
    with MarsCluster(state, ["hostA"]) as cluster:
        a = cluster.hosts[0]
        install_templates(a)
        cluster.boot()
        good = a.marsadm("templates check", check=False)
        assert good.code == 0, good
        a.write_file("/etc/marsadm/systemd-templates/bad-@{res}.service", "[Servic]\nExecStart=/bin/true @{nonsense}\nfoo\n")
        bad = a.marsadm("templates check", check=False)
        assert bad.code == 1 and "[Servic]" in bad.out and "nonsense" in bad.out and "foo" in bad.out, bad


if __name__ == "__main__":
    main(globals())
