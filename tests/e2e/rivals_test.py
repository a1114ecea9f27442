# SPDX-License-Identifier: GPL-2.0-or-later
"""Several `primary` at once, on different hosts: one wins, the device is on one host at any moment, and who has not won is
told who has; an application of systemd is where the device is. A primary that does not answer keeps its role."""

import os
import random
import threading

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, join_cluster, join_resource, two_hosts
from testhosts.units import APPLICATION_UNIT, add_template, install_templates, wait_active

RES = "mydata"
ROUNDS = int(os.environ.get("MARS_ROUNDS", 8))
# Looks 200 times a second; all hosts have the same clock.
WATCH = f"""#!/bin/bash
while [ ! -e /tmp/enough ]; do
    if [ -b /dev/mars/{RES} ]; then echo "$EPOCHREALTIME 1"; else echo "$EPOCHREALTIME 0"; fi
    read -rt 0.005 <> <(:)
done > /tmp/seen
"""
UNITS = f"app-{RES}.service vol-{RES}.mount"
# Tells when it runs, and keeps a file open.
APPLICATION = f"""\
exec 9>> /vol/{RES}/held
trap 'echo "$EPOCHREALTIME 0" >> /root/ran; exit 0' TERM
echo "$EPOCHREALTIME 1" >> /root/ran
while :; do sleep infinity & wait $!; done
"""


def three_members(cluster):
    a, b, c = cluster.hosts
    c.add_disk(RES, 32 * MIB)
    a, b, disk = two_hosts(cluster, RES, 32 * MIB)
    join_cluster(c, a)
    join_resource(c, RES, disk)
    for host in (b, c):
        host.wait_caught_up(RES, a)
    return a, b, c, disk


def run_at_once(hosts, command):
    """The results of the same command, begun on all hosts at the same moment."""
    results = {}
    gate = threading.Barrier(len(hosts))

    def call(host):
        gate.wait()
        results[host.name] = host.marsadm(command, check=False)

    threads = [threading.Thread(target=call, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def start_watchers(hosts):
    for host in hosts:
        host.run(f"rm -f /tmp/enough; cat > /tmp/watch <<'END'\n{WATCH}END\nchmod +x /tmp/watch; /tmp/watch >/dev/null 2>&1 &")


def times_of_device(host):
    """[(from, to)] during which the device was there, as the watcher has seen it."""
    spans, begin, last = [], None, None
    for line in host.run("cat /tmp/seen").out.splitlines():
        when, there = line.split()
        if there == "1":
            begin, last = begin or float(when), float(when)
        elif begin:
            spans.append((begin, last))
            begin = None
    return spans + ([(begin, last)] if begin else [])


def times_of_application(host):
    """[(from, to)] during which the application ran, as it says itself."""
    lines = [line.split() for line in host.run("cat /root/ran 2>/dev/null || true").out.splitlines()]
    assert [said for _, said in lines] == ["1", "0"] * (len(lines) // 2), f"{host.name}: begins and ends: {lines}"
    times = [float(when) for when, _ in lines]
    return list(zip(times[::2], times[1::2]))


def expect_one_at_a_time(what, hosts, times):
    spans = sorted((span, host.name) for host in hosts for span in times(host))
    for (before, one), (after, other) in zip(spans, spans[1:]):
        assert before[1] <= after[0], f"the {what} was on {one} {before} and on {other} {after}"


def agreed_primary(hosts, round_number):
    """The host that all of them take for the primary."""
    for host in hosts:
        wait_for(f"{host.name} agrees in round {round_number}", lambda h=host: h.key(f"resource-{RES}/primary") ==
                 hosts[0].key(f"resource-{RES}/primary"))
    return next(host for host in hosts if host.name == hosts[0].key(f"resource-{RES}/primary"))


def test_one_of_several_wins(state):
    chance = random.Random(5)
    with MarsCluster(state, ["hostA", "hostB", "hostC"]) as cluster:
        *hosts, disk = three_members(cluster)
        start_watchers(hosts)
        for round_number in range(ROUNDS):
            rivals = chance.sample(hosts, chance.choice((2, 2, 3)))
            results = run_at_once(rivals, f"primary {RES}")
            # udev looks at a device that somebody has written to: it is in use then, and nobody may take it.
            results = {name: result for name, result in results.items() if "[device.inuse]" not in result.err}
            if not results:
                continue
            said = "\n".join(f"{name}: {result}" for name, result in results.items())
            winner = agreed_primary(hosts, round_number)
            assert any(result.code == 0 for result in results.values()), said
            assert winner.name in results and results[winner.name].code == 0, f"{winner.name} is primary\n{said}"
            for name, result in results.items():
                lost = result.code == 1 and "[role.lost]" in result.err and " meanwhile" in result.err
                # Who was primary before may have been asked first, and was it then.
                assert result.code == 0 or lost, said
            winner.wait_device(RES)
            winner.fill(RES, round_number % 32, 1)
            wait_for("the writer is known to have closed it",
                     lambda: hosts[0].key(f"resource-{RES}/actual-{winner.name}/open-count") == "0")
        for host in hosts:
            host.run("touch /tmp/enough")
        expect_one_at_a_time("device", hosts, times_of_device)
        for host in hosts:
            if host is not winner:
                host.wait_caught_up(RES, winner)
        assert len({host.disk_digest(disk) for host in hosts}) == 1, "all disks hold the same"


def test_the_application_runs_at_the_winner(state):
    chance = random.Random(7)
    with MarsCluster(state, ["hostA", "hostB", "hostC"]) as cluster:
        for host in cluster.hosts:
            install_templates(host)
            add_template(host, "app-^{name}.service", APPLICATION_UNIT)
        *hosts, disk = three_members(cluster)
        first = hosts[0]
        for host in hosts:
            wait_active(host, "mars.service")
            host.write_file("/root/app", APPLICATION)
        first.run(f"mkfs.ext4 -q /dev/mars/{RES}")
        first.marsadm(f"set-systemd-unit {RES} {UNITS}")
        first.marsadm(f"set-systemd-want {RES} (none)")
        first.marsadm(f"set-systemd-want {RES} {first.name}")
        wait_active(first, f"app-{RES}.service")
        for host in hosts:
            wait_for(f"{host.name} has the units", lambda h=host:
                     h.run(["test", "-e", f"/run/systemd/system/mars-{RES}-trigger.path"], check=False).code == 0)
        start_watchers(hosts)
        for round_number in range(ROUNDS):
            rivals = chance.sample(hosts, chance.choice((2, 2, 3)))
            results = run_at_once(rivals, f"--timeout=60 primary {RES}")
            said = "\n".join(f"{name}: {result}" for name, result in results.items())
            winner = agreed_primary(hosts, round_number)
            for name, result in results.items():
                # The application of a primary that was asked to keep its role goes on there.
                lost = result.code == 1 and ("[role.lost]" in result.err or "[device.inuse]" in result.err)
                assert result.code == 0 or lost, f"round {round_number}, {winner.name} is primary\n{said}"
            assert winner.name not in results or results[winner.name].code == 0, f"{winner.name} is primary\n{said}"
            for host in hosts:
                wait_for(f"round {round_number}: {host.name} knows that it is wanted on {winner.name}\n{said}",
                         lambda h=host, w=winner: h.key(f"resource-{RES}/systemd-want") == w.name)
            wait_active(winner, f"app-{RES}.service")
            wait_for("the application is known to have opened it",
                     lambda w=winner: hosts[0].key(f"resource-{RES}/actual-{w.name}/open-count") != "0")
        winner.marsadm(f"secondary {RES}")
        for host in hosts:
            host.run("touch /tmp/enough")
        expect_one_at_a_time("device", hosts, times_of_device)
        expect_one_at_a_time("application", hosts, times_of_application)
        for host in hosts:
            if host is not winner:
                host.wait_caught_up(RES, winner)
        assert len({host.disk_digest(disk) for host in hosts}) == 1, "all disks hold the same"


def test_a_silent_primary_keeps_its_role(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 32 * MIB)
        a.fill(RES, 4, 2)
        b.wait_caught_up(RES, a)
        cluster.link(a, b).cut()
        a.fill(RES, 8, 3)
        waits = b.marsadm(f"--timeout=8 primary {RES}", check=False)
        assert waits.code == 3 and "hostA has not answered" in waits.err and "the old primary keeps its role" in waits.err, waits
        for host in (a, b):
            assert host.key(f"resource-{RES}/primary") == "hostA"
        cluster.link(a, b).heal()
        b.wait_caught_up(RES, a)
        a.fill(RES, 12, 1)
        before = a.snapshot()
        a.marsadm(f"primary {RES}")
        b.wait_caught_up(RES, a)
        assert {line for line in a.snapshot() ^ before if "/primary" in line or "last-primary" in line} == set()
        assert len({host.disk_digest(disk) for host in cluster.hosts}) == 1, "both disks hold the same"


if __name__ == "__main__":
    main(globals())
