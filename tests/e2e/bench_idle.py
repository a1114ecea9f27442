# SPDX-License-Identifier: GPL-2.0-or-later
"""script/bench idle: what marsd costs while nobody writes.

    hostA ── hostB     many small resources, hostA is primary of all of them, nobody uses the devices

Per host: processor time of marsd, what its network interface sends and receives, the longest turn of its event loop (so
long nobody else is served), and its memory. MARS_BIN names other programs to compare with; MARS_RESOURCES another number.
"""

import json
import os
import shutil
import struct
import subprocess
import time

from testhosts import MIB, wait_for
from testhosts.mars import MarsCluster, found_cluster

RESOURCES = int(os.environ.get("MARS_RESOURCES", "200"))
DISK = 4 * MIB
SECONDS = 60
SETTLE = 30  # sessions need some seconds without work before they rest
TURNS = "/root/loop-turns"
LAYOUT = struct.Struct("8Q")  # struct turns of loop_turns.c
HERE = os.path.dirname(os.path.abspath(__file__))


def names():
    return [f"r{number:04}" for number in range(RESOURCES)]


def preload(host, library):
    """Has marsd on the host, which is down, count its turns."""
    path = os.path.join(host.root, "root/loop_turns.so")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copy(library, path)
    host.write_file("/etc/systemd/system/marsd.service.d/turns.conf",
                    f"[Service]\nEnvironment=LD_PRELOAD=/root/loop_turns.so LOOP_TURNS={TURNS}\n")


def build_preload(folder):
    library = os.path.join(folder, "loop_turns.so")
    source = os.path.join(HERE, "../bench/loop_turns.c")
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


class Sample:
    """What has been used so far on a host."""

    def __init__(self, host):
        self.at = time.monotonic()
        pid = host.run("systemctl show -p MainPID --value marsd").out.strip()
        fields = host.run(f"cat /proc/{pid}/stat").out.rsplit(")", 1)[1].split()
        self.cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        status = host.run(f"cat /proc/{pid}/status").out
        self.rss_mib = int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024
        link = json.loads(host.run("ip -s -j link show host0").out)[0]["stats64"]
        self.sent, self.received = link["tx"]["bytes"], link["rx"]["bytes"]


def begin_turns(host):
    host.run(f"dd if=/dev/zero of={TURNS} bs={LAYOUT.size} count=1 conv=notrunc status=none")


def turns(host):
    """(turns, longest in ms, longest in ms on a processor, turns longer than 5 ms)."""
    count, longest, longest_cpu, *longer = LAYOUT.unpack(bytes.fromhex(host.run(f"xxd -p -c 1000 {TURNS}").out.strip()))
    return count, longest / 1e6, longest_cpu / 1e6, longer[2]


def make_resources(a, b):
    started = time.monotonic()
    a.run(f"for r in {' '.join(names())}; do marsadm create-resource $r /disks/$r || exit 1; done", timeout=1800)
    b.run(f"for r in {' '.join(names())}; do marsadm join-resource $r /disks/$r || exit 1; done", timeout=1800)

    def level():
        values = b.run("cd /mars && readlink resource-*/syncstatus-hostB | grep -cx " + str(DISK), check=False).out.strip()
        assert values == str(RESOURCES), f"{values} of {RESOURCES} are synced"
        return True

    wait_for("all resources are synced", level, timeout=600, interval=1.0)
    print(f"made within {time.monotonic() - started:.0f} s", flush=True)


def idle(state, _options, table_type):
    print(f"\nIdle: {RESOURCES} resources on two hosts, {SECONDS} s")
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = cluster.hosts
        library = build_preload(a.folder)
        for host in (a, b):
            for name in names():
                host.add_file_disk(name, DISK)
            preload(host, library)
        cluster.boot()
        found_cluster(a, b)
        make_resources(a, b)
        time.sleep(SETTLE)
        for host in (a, b):
            begin_turns(host)
        before = {host: Sample(host) for host in (a, b)}
        time.sleep(SECONDS)
        table = table_type("host", "% of a core", "sent KiB/s", "got KiB/s", "longest turn ms", "of it computing", "> 5 ms",
                           "turns/s", "RSS MiB")
        for host in (a, b):
            then, now = before[host], Sample(host)
            seconds = now.at - then.at
            count, longest, computing, long_ones = turns(host)
            table.row(host.name, f"{100 * (now.cpu - then.cpu) / seconds:.2f}", f"{(now.sent - then.sent) / 1024 / seconds:.2f}",
                      f"{(now.received - then.received) / 1024 / seconds:.2f}", f"{longest:.1f}", f"{computing:.1f}",
                      long_ones, f"{count / seconds:.0f}", f"{now.rss_mib:.0f}")
        for host in (a, b):  # an orderly end of so many devices takes a while
            host.run("systemctl stop marsd", timeout=300)
