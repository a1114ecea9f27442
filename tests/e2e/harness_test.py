# SPDX-License-Identifier: GPL-2.0-or-later
"""The test hosts keep what they promise: real hosts, lines that can be shaped, cut and healed, and nothing left behind.

    hostA ──┐
    hostB ──┤ router
    hostC ──┘
"""

import json
import os
import signal
import subprocess
import sys
import tempfile

from testhosts import MIB, Cluster, CommandFailed, keep, main, outside, run_isolated, wait_for
from testhosts import linux, network, state as states
from testhosts.mars import TESTS, TESTS_INSIDE
from testhosts.witness import Witness

SSH = "ssh -o BatchMode=yes -o ConnectTimeout=5"

TRIVIAL_SERVICE = """\
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c 'systemd-notify --ready; exec sleep infinity'
[Install]
WantedBy=multi-user.target
"""

# Serves port 7777 of any host: sends back what it gets.
ECHO_SERVER = """\
import socket
server = socket.create_server(("", 7777))
print("listening", flush=True)
peer, _ = server.accept()
while data := peer.recv(4096):
    peer.sendall(data)
"""

# Keeps one connection; for every line from stdin, sends it and prints what came back.
ECHO_CLIENT = """\
import socket, sys
peer = socket.create_connection((sys.argv[1], 7777), 10)
peer.settimeout(None)
print("connected", flush=True)
for line in sys.stdin:
    peer.sendall(line.encode())
    print(peer.recv(4096).decode(), end="", flush=True)
"""


def reaches(host, other):
    """Can `host` open a TCP connection to `other`? A silent line costs the two seconds of the timeout."""
    code = f"import socket; socket.create_connection(('{other.name}', 22), 2)"
    return host.run(["python3", "-c", code], check=False).code == 0


def test_hosts_are_whole_machines(state):
    with Cluster(state, ["hostA", "hostB"], mars_size=64 * MIB) as cluster:
        cluster.boot()
        for host in cluster.hosts:
            assert host.run("cat /proc/sys/kernel/hostname /etc/hostname").out.split() == [host.name] * 2
            assert host.run("findmnt -no FSTYPE /mars && stat -c %a /mars").out.split() == ["ext4", "700"]
            assert host.run("systemctl is-system-running").out.strip() == "running"
            host.write_file("/etc/systemd/system/trivial.service", TRIVIAL_SERVICE)
            host.run("systemctl daemon-reload && systemctl start trivial")
            assert host.run("systemctl is-active trivial").out.strip() == "active"
        a, b = cluster.hosts
        assert a.run(f"{SSH} hostB cat /etc/hostname").out == "hostB\n"
        assert b.run(f"{SSH} hostA cat /etc/hostname").out == "hostA\n"
        a.run("systemctl kill -s KILL trivial")
        assert b.run("systemctl is-active trivial").out.strip() == "active"


def test_hosts_can_be_strangers_to_ssh(state):
    with Cluster(state, ["hostA", "hostB"], mars_size=64 * MIB, known_hosts=False) as cluster:
        cluster.boot()
        refused = cluster.hosts[0].run(f"{SSH} hostB true", check=False)
        assert refused.code != 0 and "Host key verification failed" in refused.err, refused
        cluster.hosts[0].run(f"{SSH} -o StrictHostKeyChecking=accept-new hostB true")


def test_a_shaped_line_carries_no_more_than_its_rate(state):
    with Cluster(state, ["hostA", "hostB", "hostC"], mars_size=64 * MIB) as cluster:
        a, b, _ = cluster.hosts
        cluster.link(a, b).shape("100mbit")
        cluster.boot()
        shaped = measure(a, b)
        assert 10e6 < shaped < 110e6, f"hostA to hostB: {shaped / 1e6:.0f} Mbit/s, shaped to 100"
        b.reboot()
        shaped = measure(b, a)
        assert 10e6 < shaped < 110e6, f"hostB to hostA after a reboot: {shaped / 1e6:.0f} Mbit/s, shaped to 100"
        cluster.link(a, b).shape("20mbit")
        shaped = measure(a, b)
        assert 2e6 < shaped < 22e6, f"hostA to hostB: {shaped / 1e6:.0f} Mbit/s, shaped to 20"
        cluster.link(a, b).shape(None)
        free = measure(a, b)
        assert free > 200e6, f"hostA to hostB: {free / 1e6:.0f} Mbit/s, not shaped any more"


def measure(sender, receiver):
    """Bits per second that arrive, by iperf3."""
    server = receiver.popen("iperf3 -s -1 --forceflush", stdout=subprocess.PIPE, text=True)
    try:
        assert any("listening" in line for line in server.stdout), "iperf3 -s did not start"
        report = json.loads(sender.run(f"iperf3 -c {receiver.name} -t 2 -J").out)
        server.communicate()
        return report["end"]["sum_received"]["bits_per_second"]
    finally:
        server.kill()


def test_a_cut_line_loses_packets_until_it_is_healed(state):
    with Cluster(state, ["hostA", "hostB", "hostC"], mars_size=64 * MIB) as cluster:
        cluster.boot()
        a, b, c = cluster.hosts
        line = cluster.link(a, b)
        line.cut()
        assert not reaches(a, b) and not reaches(b, a)
        assert reaches(a, c) and reaches(c, b), "other lines must not suffer"
        line.cut()
        line.heal()
        assert reaches(a, b) and reaches(b, a) and not line.is_cut
        line.cut(sender=a)
        assert not reaches(b, a), "the answers of hostA get lost"
        line.heal()
        line.cut(how="reject")
        assert not reaches(a, b)
        line.heal()
        a.unplug()
        assert not reaches(b, a) and reaches(b, c)
        a.plug()
        wait_for("hostA is reached again", lambda: reaches(b, a))


def test_connections_outlive_a_cut(state):
    with Cluster(state, ["hostA", "hostB"], mars_size=64 * MIB) as cluster:
        cluster.boot()
        a, b = cluster.hosts
        server = b.popen(["python3", "-c", ECHO_SERVER], stdout=subprocess.PIPE, text=True)
        assert server.stdout.readline() == "listening\n"
        client = a.popen(["python3", "-c", ECHO_CLIENT, "hostB"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True, bufsize=1)
        assert client.stdout.readline() == "connected\n"
        cluster.link(a, b).cut()
        client.stdin.write("sent while the line was cut\n")
        cluster.link(a, b).heal()
        assert client.stdout.readline() == "sent while the line was cut\n"
        client.stdin.close()
        client.wait()
        server.wait()


def test_disks_outlive_a_power_cut(state):
    with Cluster(state, ["hostA", "hostB"], mars_size=64 * MIB) as cluster:
        a, b = cluster.hosts
        disk = a.add_disk("data", 64 * MIB)
        file = a.add_file_disk("plain", 64 * MIB)
        cluster.boot()
        assert a.run(f"blockdev --getsize64 {disk}").out.strip() == str(64 * MIB)
        assert not b.run("ls /dev/disks").out
        a.run(f"mkfs.ext4 -q {disk} && mount {disk} /mnt && echo kept > /mnt/file && sync")
        a.run(f"echo kept > /mars/file && echo kept > /root/file && echo lost > /run/file && echo kept > {file} && sync")
        with open(f"/proc/{a.leader}/status", encoding="ascii") as status:
            assert "systemd" in status.readline()
        a.kill()
        assert not reaches(b, a)
        a.boot()
        assert a.run(f"mount {disk} /mnt && cat /mnt/file /mars/file /root/file {file}").out == "kept\n" * 4
        assert a.run("test -e /run/file", check=False).code != 0
        assert reaches(b, a)


def test_loop_devices_made_inside_work_and_go(state):
    with Cluster(state, ["hostA", "hostB"], mars_size=64 * MIB) as cluster:
        cluster.boot()
        a, b = cluster.hosts
        made = []
        for host in (a, b):
            host.run("truncate -s 32M /mars/image && mkfs.ext4 -q /mars/image")
            made.append(host.run("losetup --direct-io=on --find --show /mars/image").out.strip())
            host.run(f"mount {made[-1]} /mnt && echo {host.name} > /mnt/name")
        assert made[0] != made[1]
        bound = next(loop for loop in linux.attached_loops() if f"/dev/loop{loop.number}" == made[0])
        a.kill()
        assert b.run("cat /mnt/name").out == "hostB\n", "the neighbour's loop device is not touched"
        # Another test may have got the number meanwhile.
        assert bound.identity not in [loop.identity for loop in linux.attached_loops()], "the dead host's own is gone"


def test_a_command_that_hangs_is_killed(state):
    with Cluster(state, ["hostA"], mars_size=64 * MIB) as cluster:
        cluster.boot()
        host = cluster.hosts[0]
        try:
            host.run("echo begun; sleep 1000", timeout=1)
        except CommandFailed as failure:
            assert "did not end within 1 s" in str(failure) and failure.result.out == "begun\n", failure
        else:
            raise AssertionError("no failure was reported")
        assert host.run("pgrep -x sleep", check=False).code == 1


def test_the_witness_notices_what_is_lost_stale_or_torn(state):
    with Cluster(state, ["hostA"], mars_size=64 * MIB) as cluster:
        host = cluster.hosts[0]
        disk = host.add_disk("data", 16 * MIB)
        host.provide(TESTS, TESTS_INSIDE)
        cluster.boot()
        witness = Witness(disk, blocks=64)
        witness.start(host)
        witness.wait_for_more(1000)
        witness.stop()
        witness.check(host)
        host.run(f"dd if={disk} of=/root/old bs=4096 count=1 skip=7 status=none")
        witness.start(host)
        witness.wait_for_more(1000)
        witness.stop()
        witness.check(host)
        damages = {"lost": f"dd if=/dev/zero of={disk} bs=4096 count=1 seek=5 conv=notrunc status=none",
                   "stale": f"dd if=/root/old of={disk} bs=4096 count=1 seek=7 conv=notrunc status=none",
                   "torn": f"dd if=/dev/urandom of={disk} bs=512 count=1 seek=75 conv=notrunc status=none"}
        for kind, damage in damages.items():
            host.run(f"cat {disk} > /root/image && {damage}")
            try:
                witness.check(host)
            except CommandFailed as failure:
                assert "1 violations" in failure.result.out, failure
            else:
                raise AssertionError(f"a {kind} record went unnoticed")
            host.run(f"cat /root/image > {disk}")
        witness.check(host)


# -- what is left behind: these run a victim, a program with a cluster of its own, and look at the machine afterwards ----

def victim():
    """Boots two hosts, makes a mess, says so, and waits to be ended."""
    def mess(state):
        with Cluster(state, ["hostA", "hostB"], mars_size=64 * MIB) as cluster:
            cluster.hosts[0].add_disk("data", 64 * MIB)
            cluster.boot()
            cluster.hosts[0].run("truncate -s 32M /mars/victims-image && losetup --find --show /mars/victims-image")
            print("ready", flush=True)
            if os.environ.get("VICTIM") == "fails":
                raise AssertionError("as intended")
            if os.environ.get("VICTIM") == "keeps":
                keep(state)
            signal.pause()

    sys.exit(run_isolated(mess))


def leftovers(folder, before):
    """What is left of the victim: files, processes, control groups, loop devices, namespaces. Empty when all is well."""
    left = [name for name in os.listdir(folder) if name != "lock"]
    left += [f"loop {loop}" for loop in linux.attached_loops() if loop.identity not in before["loops"]
             and (loop.path.startswith(folder) or loop.path.startswith("/victims-image"))]
    left += [f"cgroup {path}" for path in before["cgroups"] if os.path.exists(path)]
    left += [name for name in os.listdir("/run/netns") if name in (network.ROUTER, "hostA", "hostB")] \
        if os.path.isdir("/run/netns") else []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if folder.encode() in file.read():
                    left.append(f"process {pid}")
        except OSError:
            continue
    return left


def victim_ends(how, kind="waits"):
    """Starts a victim, ends it by how(process, state folder), returns (exit code, folder, what to compare with)."""
    folder = tempfile.mkdtemp(prefix="victim-", dir="/var/tmp")
    before = {"loops": {loop.identity for loop in linux.attached_loops()}, "cgroups": []}
    process = subprocess.Popen([sys.executable, __file__, "--victim"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, env=dict(os.environ, MARS_TESTHOSTS_DIR=folder, VICTIM=kind))
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    run = next(os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("run-"))
    before["cgroups"] = states.State(run, -1).lines("cgroups")
    how(process, run)
    process.communicate()
    return process.returncode, folder, before


def module(folder, name, *arguments):
    """Runs a module of the harness as an operator would."""
    return subprocess.run([sys.executable, "-B", "-m", name, *arguments], capture_output=True, text=True, check=False,
                          cwd=os.path.dirname(os.path.realpath(__file__)),
                          env=dict(os.environ, MARS_TESTHOSTS_DIR=folder))


def expect_clean(folder, before):
    wait_for("nothing is left of the victim", lambda: not _tell(leftovers(folder, before)), timeout=30)
    os.unlink(os.path.join(folder, "lock"))
    os.rmdir(folder)


def _tell(left):
    assert not left, ", ".join(left)
    return left


@outside
def test_a_failed_test_leaves_nothing():
    code, folder, before = victim_ends(lambda *_: None, "fails")
    assert code == 1
    expect_clean(folder, before)


@outside
def test_an_interrupted_test_leaves_nothing():
    for number in (signal.SIGINT, signal.SIGTERM):
        code, folder, before = victim_ends(lambda process, _, n=number: process.send_signal(n))
        assert code == 128 + number, code
        expect_clean(folder, before)


@outside
def test_a_killed_test_leaves_nothing():
    code, folder, before = victim_ends(lambda process, _: process.kill())
    assert code == -signal.SIGKILL
    expect_clean(folder, before)


@outside
def test_a_kept_run_lives_until_it_is_ended():
    code, folder, before = victim_ends(lambda *_: None, "keeps")
    assert code == 0
    inside = module(folder, "testhosts.enter", "hostA", "cat", "/etc/hostname")
    assert inside.stdout == "hostA\n", inside
    assert module(folder, "testhosts.enter", "hostX").returncode == 1
    assert "still running" in module(folder, "testhosts.cleanup").stdout
    assert "ended run-" in module(folder, "testhosts.cleanup", "--all").stdout
    expect_clean(folder, before)


@outside
def test_the_next_run_sweeps_what_a_killed_keeper_left():
    def kill_keeper(_, run):
        with open(os.path.join(run, "keeper"), encoding="ascii") as file:
            os.kill(int(file.read()), signal.SIGKILL)

    code, folder, before = victim_ends(kill_keeper)
    assert code == 128 + signal.SIGKILL, code
    run = next(os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("run-"))
    wait_for("all processes of the victim have ended", lambda: not states.is_locked(run), timeout=30)
    assert "removed run-" in module(folder, "testhosts.cleanup").stdout
    expect_clean(folder, before)


if __name__ == "__main__":
    victim() if sys.argv[1:] == ["--victim"] else main(globals())
