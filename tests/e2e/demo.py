# SPDX-License-Identifier: GPL-2.0-or-later
"""script/demo: a filesystem on two hosts, far apart, that outlives a cut line and moves to the other side.

    hostA ── /dev/mars/mydata ── ext4          hostB
      └──────────── 100 Mbit/s ──────────────────┘

Each step is one method of Demo; run() is the story. Exit code 0 = it has been shown, 1 = it has not.
"""

import os
import shlex
import subprocess
import sys
import time

from testhosts import GIB, cleanup, enter, keep, run_isolated, wait_for
from testhosts.mars import MarsCluster
from testhosts.runner import artifacts_dir

RES = "mydata"
RATE = "100mbit"
LEAST_BYTES = 205 * 10**6
MOST_BYTES = 260 * 10**6

# Prints folders that hold between LEAST and MOST bytes together: from /usr/share, and from elsewhere if that is too small.
CHOOSE = r"""
sum=0
for folder in /usr/share/* /usr/include /usr/lib/gcc /usr/lib/python3* /usr/bin; do
    [ -d "$folder" ] || continue
    size=$(du -sb --apparent-size "$folder" | cut -f1)
    [ $((sum + size)) -le "$2" ] || continue
    sum=$((sum + size)); echo "$folder"
    [ "$sum" -lt "$1" ] || break
done
"""


class Screen:
    """Prints the show. Colours only for a terminal."""

    def __init__(self):
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._started = time.monotonic()
        self._steps = 0

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def title(self, text):
        print(self._paint("1", text), flush=True)

    def step(self, text):
        self._steps += 1
        clock = f"[{time.monotonic() - self._started:5.1f} s]"
        print(f"\n{self._paint('1;34', f'{self._steps}. {text}')}  {self._paint('2', clock)}", flush=True)

    def say(self, text):
        print(f"   {text}", flush=True)

    def command(self, host, command):
        print(f"   {self._paint('33' if host.name == 'hostA' else '36', host.name + '#')} {command}", flush=True)

    def output(self, text):
        for line in text.splitlines():
            print(f"      {self._paint('2', line)}", flush=True)

    def verdict(self, good, text):
        print(f"\n{self._paint('1;32' if good else '1;31', text)}", flush=True)


class Demo:
    """The story. Owns nothing but references to the cluster's hosts."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.a, self.b = cluster.hosts
        self.line = cluster.link(self.a, self.b)
        self.screen = Screen()
        self.sums = ""
        self.folders = []
        self.bytes = 0
        self.disk = ""

    def do(self, host, command, timeout=120.0, shown=None):
        """Runs a command on a host for everybody to see; returns what it printed."""
        self.screen.command(host, shown or command)
        result = host.run(command, timeout=timeout)
        self.screen.output(result.out + result.err)
        return result.out

    def look(self):
        """What both hosts say about their resources now."""
        for host in (self.a, self.b):
            self.do(host, "marsadm view all")

    def run(self):
        for step in (self.make_hosts, self.make_cluster, self.make_resource, self.join, self.copy_and_cut, self.heal,
                     self.catch_up, self.hand_over, self.compare):
            step()

    # -- the steps ------------------------------------------------------------------------------------------------

    def make_hosts(self):
        self.screen.title("MARS: one filesystem, two hosts, a line of 100 Mbit/s between them")
        self.screen.step("Two hosts start: systemd, sshd, a /mars filesystem and a disk of 1 GiB each")
        self.line.shape(RATE)
        for host in (self.a, self.b):
            self.disk = host.add_disk(RES, GIB)
        self.cluster.boot()
        for host in (self.a, self.b):
            self.screen.say(f"{host.name} is up: {host.address}, disk {self.disk}, pid 1 is "
                            f"{host.run('ps -o comm= 1').out.strip()}")

    def make_cluster(self):
        self.screen.step("hostA founds a cluster, hostB joins it over ssh")
        self.do(self.a, "marsadm create-cluster")
        self.do(self.a, "systemctl enable --now -q marsd")
        self.do(self.b, "systemctl enable --now -q marsd")
        self.do(self.b, "marsadm join-cluster hostA")
        self.do(self.b, "marsadm wait-cluster")

    def make_resource(self):
        self.screen.step("hostA turns its disk into a replicated device, with ext4 on it")
        self.do(self.a, f"marsadm create-resource {RES} {self.disk}")
        self.a.wait_device(RES)
        self.do(self.a, f"ls -l /dev/mars/{RES}")
        self.do(self.a, f"mkfs.ext4 -q /dev/mars/{RES} && mount /dev/mars/{RES} /mnt && df -h /mnt")
        self.look()

    def join(self):
        self.screen.step("hostB joins the resource; the sync starts")
        self.do(self.b, f"marsadm join-resource {RES} {self.disk}")
        self.look()

    def copy_and_cut(self):
        self.screen.step("hostA copies a tree of files into the filesystem; in the middle of it the line breaks")
        self.folders = self.a.run(["bash", "-c", CHOOSE, "choose", str(LEAST_BYTES), str(MOST_BYTES)]).out.split()
        used = "df -B1 --output=used /mnt | tail -1"
        before = int(self.a.run(used).out)
        total = sum(int(self.a.run(f"du -sb {shlex.quote(folder)}").out.split()[0]) for folder in self.folders)
        self.screen.say(f"{len(self.folders)} folders, {total / 1e6:.0f} MB, from {self.folders[0]} to {self.folders[-1]}")
        copy = f"cp -a {shlex.join(self.folders)} /mnt/ && sync -f /mnt"
        self.screen.command(self.a, "cp -a … /mnt/ && sync -f /mnt &")
        process = self.a.popen(copy, stderr=subprocess.PIPE, text=True)
        wait_for("half of the files are copied",
                 lambda: process.poll() is not None or int(self.a.run(used).out) - before > total / 2, timeout=60)
        self.line.cut()
        self.screen.say("✂  the line between hostA and hostB is dead: no packet gets through")
        errors = process.communicate(timeout=120)[1]
        assert process.returncode == 0, f"the copy on hostA failed: {errors}"
        self.screen.say("the copy on hostA has come to its end nevertheless, on stable storage:")
        self.do(self.a, "df -h /mnt | tail -1")
        self.bytes = total
        self.look()

    def heal(self):
        self.screen.step("The line is repaired; hostB goes on by itself where it had to stop")
        self.line.heal()
        self.screen.say("checksums of all files, taken on hostA while hostB catches up:")
        self.sums = self.a.run("cd /mnt && find . -type f -print0 | sort -z | xargs -0 sha256sum", timeout=120).out
        self.screen.say(f"{len(self.sums.splitlines())} files")
        self.look()

    def catch_up(self):
        self.screen.step("hostB catches up over the line")
        self.do(self.a, "umount /mnt")
        seen = set()

        def done():
            position = self.b.replay(RES, "hostB")
            progress = int(time.monotonic() / 5)
            if progress not in seen and len(seen) < 12:
                seen.add(progress)
                self.screen.say(f"hostB has replayed up to {position[0]} at {position[1] / 1e6:.0f} MB")
            return self._arrived()

        wait_for("hostB is up to date", done, timeout=150, interval=0.2)
        self.look()

    def _arrived(self):
        try:
            self.b.wait_caught_up(RES, self.a, timeout=0)
            return True
        except AssertionError:
            return False

    def hand_over(self):
        self.screen.step("Handover: hostB becomes primary")
        self.do(self.b, f"marsadm wait-umount {RES}")
        self.do(self.b, f"marsadm primary {RES}")
        self.b.wait_device(RES)
        self.a.wait_device(RES, there=False)
        self.look()

    def compare(self):
        self.screen.step("hostB checks the filesystem, mounts it, and compares every file")
        self.do(self.b, f"fsck.ext4 -n -f /dev/mars/{RES}")
        self.do(self.b, f"mount /dev/mars/{RES} /mnt")
        self.screen.command(self.b, "cd /mnt && sha256sum -c checksums-from-hostA")
        result = self.b.run("cd /mnt && sha256sum --quiet -c -", stdin=self.sums, timeout=120, check=False)
        self.screen.output(result.out[:2000] + result.err[:2000])
        assert result.code == 0, "files on hostB differ from what hostA has written"
        there = self.b.run("cd /mnt && find . -type f -print0 | tr -dc '\\0' | wc -c").out.strip()
        assert there == str(len(self.sums.splitlines())), f"hostB has {there} files"
        if self.keep_mounted:
            return
        self.do(self.b, "umount /mnt")

    keep_mounted = False


def show(state, keep_running):
    state.artifacts = artifacts_dir("demo", "hosts")
    demo = None
    try:
        with MarsCluster(state, ["hostA", "hostB"]) as cluster:
            demo = Demo(cluster)
            demo.keep_mounted = keep_running
            demo.run()
            verdict = (f"SHOWN: {len(demo.sums.splitlines())} files, {demo.bytes / 1e6:.0f} MB, written on hostA, through a "
                       "line that broke in the middle,\nare all on hostB, with the same checksums, and the filesystem is clean.")
            demo.screen.verdict(True, verdict)
            if keep_running:
                invite()
                keep(state)
        return 0
    except AssertionError as error:
        screen = demo.screen if demo else Screen()
        screen.verdict(False, f"NOT SHOWN: {error}")
        if os.path.isdir(state.artifacts):
            screen.say(f"what the hosts have to say about it is in {state.artifacts}")
        return 1


def invite():
    print("""
The hosts are still running. A shell on each:
    script/demo --shell hostA
    script/demo --shell hostB
or a single command, like: script/demo --shell hostB marsadm view all
End them, and remove everything of them, with: script/demo --stop""")


def main(arguments):
    if arguments[:1] == ["--stop"]:
        return cleanup.main(["--all"])
    if arguments[:1] == ["--shell"]:
        return enter.main(arguments[1:])
    return run_isolated(lambda state: show(state, arguments[:1] == ["--keep"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
