# SPDX-License-Identifier: GPL-2.0-or-later
"""script/bench: MARS against what is known, every row a ratio measured in the same run. Prints; asserts nothing.

    write   hostA: fio on /dev/mars/bench and on its NBD export, against the raw file (O_DIRECT, fdatasync after each
            write) and against `nbdkit file` on that file
    fetch   hostA → hostB: logs that hostB has to catch up on, against iperf3 on the same line
    sync    hostA → hostB: an equal disk of 2 GiB, and one that differs in 1 % of its blocks, against rsync --inplace
    idle    what 200 resources cost while nobody writes (bench_idle.py); only when it is named

Absolute numbers drift with the machine; compare ratios, and only those of one run.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass

import bench_idle
from testhosts import GIB, MIB, run_isolated, wait_for
from testhosts.mars import MarsCluster, create_resource, found_cluster, join_resource
from testhosts.runner import artifacts_dir

RES = "bench"
RAW = f"/disks/{RES}-raw"
NBDKIT_SOCKET = "/run/nbdkit-bench.sock"
MARS_SOCKET = f"/run/mars/{RES}.nbd"
WRITE_SIZE = GIB
SYNC_SIZE = 2 * GIB
CHANGED_PERCENT = 1


@dataclass(frozen=True)
class Load:
    """One way of writing. streams: how many writes are under way at the same time."""

    label: str
    rw: str
    block: str
    streams: int


# Stages of one write in marsd and their counters: the record with its checksum; write() and fdatasync() of the log. What
# is left is the way from the system call to marsd and back, and waiting for the turn.
STAGES = {"encode": "encode_us", "append": "append_us", "sync": "sync_us"}
LOADS = (Load("4 KiB random, depth 1", "randwrite", "4k", 1), Load("4 KiB random, depth 32", "randwrite", "4k", 32),
         Load("64 KiB sequential", "write", "64k", 1))


class Table:
    """Prints rows as they come, with aligned columns."""

    def __init__(self, *columns):
        self._widths = [max(len(column), 14) for column in columns]
        self._widths[0] = 34
        self._line(columns)
        self._line(["-" * width for width in self._widths])

    def _line(self, cells):
        first, *others = [str(cell) for cell in cells]
        print(first.ljust(self._widths[0]), *(cell.rjust(width) for cell, width in zip(others, self._widths[1:])),
              flush=True)

    def row(self, *cells):
        self._line(cells)


def ratio(ours, theirs):
    return f"{ours / theirs:.2f}" if theirs else "-"


# -- write -------------------------------------------------------------------------------------------------------------

def fio(host, load, seconds, target):
    """Runs fio and returns its write statistics. target: a path, or an nbd+unix URI."""
    arguments = ["fio", "--name=bench", f"--rw={load.rw}", f"--bs={load.block}", f"--size={WRITE_SIZE}", "--time_based",
                 f"--runtime={seconds}", "--norandommap", "--group_reporting", "--output-format=json", "--thread"]
    if target.startswith("nbd"):
        # fio's nbd engine takes no notice of fdatasync.
        arguments += ["--ioengine=nbd", f"--uri={target}", "--fsync=1"]
    else:
        arguments += ["--ioengine=psync", f"--filename={target}", "--direct=1", "--fdatasync=1"]
    # A stream waits for its own flush before it writes again, so depth means streams.
    arguments.append(f"--numjobs={load.streams}")
    out = host.run(arguments, timeout=seconds + 60).out
    return json.loads(out[out.index("{"):])["jobs"][0]["write"]


def settle(host):
    """Lets the writeback of what was measured before come to its end."""
    host.run("sync")
    position = host.replay(RES, host.name)
    if position:
        wait_for("the writeback has ended", lambda: host.replay(RES, host.name)[2] == 0, timeout=120)


def write_path(state, options):
    print("\nWrites, each followed by a flush (fdatasync; fsync for NBD), and acknowledged only then")
    with MarsCluster(state, ["hostA"], mars_size=24 * GIB) as cluster:
        host = cluster.hosts[0]
        disk = host.add_disk(RES, WRITE_SIZE)
        host.add_file_disk(os.path.basename(RAW), WRITE_SIZE)
        cluster.boot()
        for target in (disk, RAW):
            host.run(f"dd if=/dev/zero of={target} bs=1M count={WRITE_SIZE // MIB} oflag=direct conv=notrunc status=none",
                     timeout=120)
        found_cluster(host)
        create_resource(host, RES, disk)
        host.run(f"nbdkit -U {NBDKIT_SOCKET} file {RAW}")
        targets = {"raw": RAW, "nbdkit": f"nbd+unix:///?socket={NBDKIT_SOCKET}", "mars": host.device(RES),
                   "mars_nbd": f"nbd+unix:///?socket={MARS_SOCKET}"}
        runs = []
        table = Table("writes per second", "raw file", "nbdkit file", "/dev/mars", "MARS NBD", "dev : raw", "dev : nbdkit",
                      "nbd : raw", "nbd : nbdkit")
        for load in LOADS:
            seen = {}
            for name, target in targets.items():
                settle(host)
                before = counters(host) if name == "mars" else {}
                seen[name] = fio(host, load, options.seconds, target)["iops"]
                if name == "mars":
                    runs.append((load.label, seen[name], before, counters(host)))
            table.row(load.label, *(f"{seen[name]:.0f}" for name in targets), ratio(seen["mars"], seen["raw"]),
                      ratio(seen["mars"], seen["nbdkit"]), ratio(seen["mars_nbd"], seen["raw"]),
                      ratio(seen["mars_nbd"], seen["nbdkit"]))
        print_stages(runs)


def counters(host):
    """What marsd has counted in the write path of the resource so far."""
    def lines():
        return host.run("journalctl -u marsd --no-pager -o cat | grep ': counters '", check=False).out.splitlines()

    before = len(lines())
    host.run("systemctl kill -s USR1 marsd")
    wait_for("marsd tells its counters", lambda: len(lines()) > before)
    return {key: int(value) for key, value in (pair.split("=") for pair in lines()[-1].split() if "=" in pair)}


def print_stages(runs):
    """runs: (label, writes per second, counters before, counters after) of /dev/mars."""
    print("\nWhere the time of a write through /dev/mars goes: µs per write, of the same runs (all streams of a run together)")
    table = Table("writes", "whole", *STAGES, "loop and FUSE")
    for label, rate, before, after in runs:
        done = after["writes"] - before["writes"]
        whole = 1e6 / rate
        spent = {stage: (after[key] - before[key]) / done for stage, key in STAGES.items()}
        spent["loop and FUSE"] = whole - sum(spent.values())
        table.row(label, *(f"{value:.1f}" for value in (whole, *spent.values())))
        slowest = max(spent, key=spent.get)
        print(f"    slowest stage: {slowest}, {100 * spent[slowest] / whole:.0f} %;"
              f" {done / max(after['commits'] - before['commits'], 1):.1f} writes per commit")


# -- fetch -------------------------------------------------------------------------------------------------------------

def iperf(sender, receiver, seconds):
    """Bits per second that arrive."""
    server = receiver.popen("iperf3 -s -1 --forceflush", stdout=subprocess.PIPE, text=True)
    try:
        assert any("listening" in line for line in server.stdout), "iperf3 -s did not start"
        report = json.loads(sender.run(f"iperf3 -c {receiver.name} -t {seconds} -J", timeout=seconds + 30).out)
        server.communicate()
        return report["end"]["sum_received"]["bits_per_second"]
    finally:
        server.kill()


def fetch_rate(a, b, megabytes):
    """Bits per second of log that hostB fetches when it has to catch up on so much."""
    b.marsadm(f"pause-fetch {RES}")
    b.marsadm(f"pause-replay {RES}")
    a.run(f"dd if=/dev/urandom of={a.device(RES)} bs=1M count={megabytes} oflag=direct status=none", timeout=120)
    settle(a)
    log, _, _ = a.replay(RES, "hostA")
    end = a.log_size(RES, log)  # the published position may be some seconds old
    begin = b.log_size(RES, log)
    started = time.monotonic()
    b.marsadm(f"resume-fetch {RES}")
    wait_for("the log has arrived", lambda: b.log_size(RES, log) >= end, timeout=300, interval=0.01)
    seconds = time.monotonic() - started
    b.marsadm(f"resume-replay {RES}")
    b.wait_caught_up(RES, a)
    return (end - begin) * 8 / seconds


def fetch(state, options):
    print("\nFetch of logs, the replay paused meanwhile")
    with MarsCluster(state, ["hostA", "hostB"], mars_size=12 * GIB) as cluster:
        a, b = cluster.hosts
        disk = [host.add_disk(RES, WRITE_SIZE) for host in (a, b)][0]
        cluster.boot()
        found_cluster(a, b)
        create_resource(a, RES, disk)
        join_resource(b, RES, disk)
        b.wait_caught_up(RES, a)
        table = Table("Mbit/s", "iperf3", "MARS fetch", "ratio")
        for label, rate, megabytes in (("line of 100 Mbit/s", "100mbit", 100), ("line of 1 Gbit/s", "1gbit", 800),
                                       ("line as fast as it goes", None, 800)):
            cluster.link(a, b).shape(rate)
            line, ours = iperf(a, b, options.seconds), fetch_rate(a, b, megabytes)
            table.row(label, f"{line / 1e6:.0f}", f"{ours / 1e6:.0f}", ratio(ours, line))


# -- sync --------------------------------------------------------------------------------------------------------------

def traffic(host):
    """Bytes that the host has sent and received so far."""
    link = json.loads(host.run("ip -s -j link show host0").out)[0]["stats64"]
    return link["rx"]["bytes"] + link["tx"]["bytes"]


def measured(host, action):
    """(seconds, bytes on the wire) of an action."""
    bytes_before, started = traffic(host), time.monotonic()
    action()
    return time.monotonic() - started, traffic(host) - bytes_before


def make_content(path, size):
    """Fills a file with bytes that do not repeat: AES in counter mode, a known key."""
    command = (f"openssl enc -aes-128-ctr -nosalt -K {'0' * 32} -iv {'0' * 32} -in /dev/zero 2>/dev/null"
               f" | head -c {size} > '{path}'")
    subprocess.run(["sh", "-c", command], check=True)


def change_some(path, size, percent):
    """Overwrites so many of the 4 KiB blocks of a file, scattered all over it, the same ones each time."""
    chance = random.Random(1)
    with open(path, "r+b") as file:
        for block in chance.sample(range(size // 4096), size // 4096 * percent // 100):
            file.seek(block * 4096)
            file.write(chance.randbytes(4096))


def rsync(a, b, name):
    a.run(f"rsync --inplace --no-whole-file /disks/{name} rsync://{b.name}/disks/{name}", timeout=300)


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("1\n")


def resync_changed(b, disk):
    """Spoils 1 % of hostB's disk behind MARS' back, and has it repaired."""
    b.marsadm(f"down {RES}")
    b.copy_in(__file__, "/root/bench.py")
    b.run(["python3", "-c", "import sys; sys.path.insert(0, '/usr/lib/mars/tests'); import bench;"
           f"bench.change_some('{disk}', {SYNC_SIZE}, {CHANGED_PERCENT})"], timeout=120)
    b.run(f"sync; blockdev --flushbufs {disk}")
    drop_caches()

    def repair():
        b.marsadm(f"invalidate {RES}")
        b.wait_synced(RES)

    return measured(b, repair)


def sync(state, _options):
    print("\nSync of 2 GiB: from the command to the end, and what goes over the wire")
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = cluster.hosts
        for host in (a, b):
            disk = host.add_disk(RES, SYNC_SIZE)
            host.add_file_disk("equal", SYNC_SIZE)
            make_content(host.disk_image(RES), SYNC_SIZE)
            make_content(os.path.join(host.folder, "disks/equal"), SYNC_SIZE)
        cluster.boot()
        found_cluster(a, b)
        create_resource(a, RES, disk)
        b.write_file("/root/rsyncd.conf", "[disks]\npath = /disks\nread only = no\nuid = root\ngid = root\n")
        b.run("rsync --daemon --config=/root/rsyncd.conf")
        table = Table("disk", "rsync s", "MARS s", "ratio", "rsync MB", "MARS MB", "ratio")

        def report(label, theirs, ours):
            table.row(label, f"{theirs[0]:.1f}", f"{ours[0]:.1f}", ratio(ours[0], theirs[0]), f"{theirs[1] / 1e6:.1f}",
                      f"{ours[1] / 1e6:.1f}", ratio(ours[1], theirs[1]))

        def join():
            join_resource(b, RES, disk)
            b.wait_synced(RES)

        drop_caches()
        ours = measured(b, join)
        drop_caches()
        a.run("touch /disks/equal")  # same size and time would let rsync skip the file
        report("equal", measured(b, lambda: rsync(a, b, "equal")), ours)

        b.wait_caught_up(RES, a)
        ours = resync_changed(b, disk)
        change_some(os.path.join(b.folder, "disks/equal"), SYNC_SIZE, CHANGED_PERCENT)
        drop_caches()
        report(f"{CHANGED_PERCENT} % of the 4 KiB blocks differ", measured(b, lambda: rsync(a, b, "equal")), ours)


PARTS = {"write": write_path, "fetch": fetch, "sync": sync,
         "idle": lambda state, options: bench_idle.idle(state, options, Table)}
USUAL = ("write", "fetch", "sync")


def main(arguments):
    parser = argparse.ArgumentParser(prog="script/bench", description="Measures MARS against what is known.",
                                     epilog="Programs of their own: script/bench scale [RESOURCES], script/bench macros [--runs=N]")
    parser.add_argument("--quick", dest="seconds", action="store_const", const=2, default=8,
                        help="2 instead of 8 seconds per measurement")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"any of {', '.join(PARTS)} (default: {', '.join(USUAL)})")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}")
    print(f"{os.cpu_count()} processors, Linux {os.uname().release}, {options.seconds} s per measurement")
    code = 0
    for part in options.parts or USUAL:
        def measure(state, action=PARTS[part], name=part):
            state.artifacts = artifacts_dir("bench", name)
            action(state, options)

        code = run_isolated(measure) or code
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
