# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes from outside stops nothing: idle connections of strangers, a port that somebody else has, a journal that takes
no lines."""

import os
import time

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, two_hosts
from testhosts.witness import Witness

RES = "mydata"
PORTS = (7777, 7778, 7779)
CONNECTIONS = 500  # to each port
SILENT_JOURNAL_SECONDS = float(os.environ.get("MARS_SILENT_JOURNAL_SECONDS", 0))  # how long, under load; 0: no longer than needed

# Opens connections, says nothing, opens those again that were closed; tells how many it has had.
STRANGER = """
import select, socket, sys
hosts, ports, count = sys.argv[1].split(","), [int(p) for p in sys.argv[2].split(",")], int(sys.argv[3])
def connect(where):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(where)
    return s
watch, open_ones = select.poll(), {}
def begin(where):
    s = connect(where)
    open_ones[s.fileno()] = s, where
    watch.register(s, select.POLLIN | select.POLLHUP)
for where in [(h, p) for h in hosts for p in ports for _ in range(count)]:
    begin(where)
print("begun", flush=True)
while True:
    for fd, _ in watch.poll(1000):
        s, where = open_ones.pop(fd)
        watch.unregister(fd)
        s.close()
        begin(where)
"""


def test_strangers_keep_nobody_out(state):
    with MarsCluster(state, ["hostA", "hostB", "hostC"]) as cluster:
        c = cluster.hosts[2]
        a, b, disk = two_hosts(cluster, RES, 32 * MIB)
        c.run(f"cat > /root/stranger.py <<'END'\n{STRANGER}END")
        c.run(f"ulimit -n 10000; python3 /root/stranger.py {a.address},{b.address} {','.join(map(str, PORTS))} {CONNECTIONS} "
              "> /root/stranger.out 2>&1 &")
        wait_for("the siege has begun", lambda: "begun" in c.run("cat /root/stranger.out", check=False).out)
        wait_for("strangers are turned away", lambda: "no member" in a.run("journalctl -u marsd -o cat").out)
        a.fill(RES, 1, 4)
        b.wait_caught_up(RES, a)
        b.stop_marsd()
        b.start_marsd()  # all its connections are new
        b.marsadm("wait-cluster --strict-wait")
        a.fill(RES, 8, 4)
        b.wait_caught_up(RES, a)
        b.marsadm(f"primary {RES}")
        b.fill(RES, 16, 2)
        a.wait_caught_up(RES, b)
        a.marsadm(f"invalidate {RES}")  # the sync's port, too
        a.wait_caught_up(RES, b)
        assert len({host.disk_digest(disk) for host in (a, b)}) == 1, "the disks hold the same"
        c.run("pkill -f '[s]tranger.py'")


def test_a_port_that_is_in_use_is_waited_for(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 32 * MIB)
        a.stop_marsd()
        a.run("cat > /root/squatter.py <<'END'\n"
              "import socket, time\ns = socket.socket()\ns.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
              "s.bind(('0.0.0.0', 7778))\ns.listen()\ntime.sleep(1000)\nEND")
        a.run("python3 /root/squatter.py > /dev/null 2>&1 &")
        wait_for("the port is taken", lambda: ":7778" in a.run("ss -ltn").out)
        a.run("systemctl start --no-block marsd")
        wait_for("marsd says who has the port", lambda: "7778, which python3 (pid" in a.run("journalctl -u marsd -o cat").out)
        wait_for("and goes on waiting", lambda: "waiting: " in a.run("systemctl show -P StatusText marsd").out)
        assert a.run("systemctl is-active marsd", check=False).out.strip() == "activating"
        a.run("pkill -f '[s]quatter.py'")
        a.wait_device(RES)
        a.fill(RES, 1, 1)
        b.wait_caught_up(RES, a)


def write_on(host, seconds):
    """Numbered writes, and a line for the journal with every look at them, for so long; all that was acknowledged is there."""
    end, witness = time.monotonic() + seconds, Witness(f"/dev/mars/{RES}")
    witness.start(host)
    try:
        while time.monotonic() < end:
            witness.wait_for_more(100)
            host.run("kill -USR1 $(systemctl show -P MainPID marsd)")
    finally:
        witness.stop()
    print(f"   {len(witness.acknowledged)} writes in {seconds:g} s without a journal")
    witness.check(host)


def test_a_journal_that_takes_nothing_stops_nothing(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 32 * MIB)
        a.run("systemctl kill -s STOP systemd-journald")
        try:
            # Far more than a socket holds: a line of counters for each signal.
            a.run("pid=$(systemctl show -P MainPID marsd); for i in $(seq 20); do for k in $(seq 300); do kill -USR1 $pid; sleep 0.001; "
                  "done; dd if=/dev/zero of=/dev/mars/mydata bs=64K seek=$i count=1 oflag=direct status=none; done", timeout=120)
            b.wait_caught_up(RES, a)
            if SILENT_JOURNAL_SECONDS > 0:
                write_on(a, SILENT_JOURNAL_SECONDS)
                b.wait_caught_up(RES, a)
        finally:
            a.run("systemctl kill -s CONT systemd-journald")
        wait_for("the journal goes on", lambda: "counters" in a.run("journalctl -u marsd -o cat").out)
        a.marsadm("wait-cluster --strict-wait")


if __name__ == "__main__":
    main(globals())
