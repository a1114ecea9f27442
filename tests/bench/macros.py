# SPDX-License-Identifier: GPL-2.0-or-later
"""script/bench macros: the macro language against Perl and Lua, and the whole program against /bin/true.

    loop    100,000 rounds of a while loop with arithmetic, whole processes without their start-up time, in ratio to Perl
    view    marsadm on a tree with 100 resources: wall time of the process over that of /bin/true, in milliseconds

The tree is made in a temporary directory and viewed with --root and --host: nothing else is needed. Runs of the
competitors alternate, so that all of them see the same machine. Prints medians and minima; asserts nothing.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 100_000
RESOURCES = 100
SAMPLE = os.path.join(os.path.dirname(__file__), "../golden/macros/sample-cluster.tree")
REFERENCE = 1650000000

MACRO = "%let{i}{0}%let{s}{0}%while{%<{%{i}}{ROUNDS}}{%let{s}{%+{%{s}}{%*{%{i}}{3}}}%let{i}{%+{%{i}}{1}}}%{s}"
PERL = "my ($i, $s) = (0, 0); while ($i < ROUNDS) { $s = $s + $i * 3; $i = $i + 1; } print $s, qq(\\n);"
LUA = "local i, s = 0, 0 while i < ROUNDS do s = s + i * 3 i = i + 1 end print(s)"


def make_link(path, value, age):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(value, path)
    os.utime(path, (REFERENCE - age, REFERENCE - age), follow_symlinks=False)


def some_block_device():
    """Only looked at, never opened: diskstate wants to see one."""
    nodes = [f"/dev/{name}" for name in sorted(os.listdir("/sys/class/block"))]
    return next((node for node in nodes if os.path.exists(node)), "/dev/null")


def make_tree(root):
    """The sample cluster with its resource RESOURCES times; all seen from nodeb."""
    disk = some_block_device()
    for line in open(SAMPLE, encoding="ascii"):
        line = line.rstrip("\n")
        if not line or line.startswith("#"):
            continue
        path, value = line.split(" -> ")
        value, _, age = value.partition(" @-")
        names = [path]
        if path.startswith("resource-vol1/"):
            names = [path.replace("vol1", f"vol{number}") for number in range(1, RESOURCES + 1)]
        for name in names:
            make_link(f"{root}/{name}", value.replace("/dev/vg/vol1", disk), int(age or 60))
    for number in range(1, RESOURCES + 1):
        for log, size in (("log-000000011-nodea", 40_000_000), ("log-000000012-nodea", 5_000_000)):
            with open(f"{root}/resource-vol{number}/{log}", "wb") as file:
                file.truncate(size)


def run_once(command):
    begun = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begun, done.stdout


def measure(commands, runs):
    """{name: seconds of each run}; the outputs of the last round."""
    times = {name: [] for name in commands}
    outputs = {}
    for _ in range(runs):
        for name, command in commands.items():
            taken, outputs[name] = run_once(command)
            times[name].append(taken)
    return times, outputs


def loop(marsadm, root, runs):
    def macro(rounds):
        return [marsadm, "--root=" + root, "view", "--macro=" + MACRO.replace("ROUNDS", str(rounds))]

    commands = {}
    for name, make in (("macro", macro), ("perl", lambda n: ["perl", "-e", PERL.replace("ROUNDS", str(n))]),
                       ("lua5.4", lambda n: ["lua5.4", "-e", LUA.replace("ROUNDS", str(n))])):
        if shutil.which(make(1)[0]):
            commands[name + " empty"] = make(0)
            commands[name] = make(ROUNDS)
    times, outputs = measure(commands, runs)
    expected = str(3 * (ROUNDS - 1) * ROUNDS // 2)
    net = {}
    for name in ("macro", "perl", "lua5.4"):
        if name not in commands:
            print(f"{name:28} not installed")
            continue
        if outputs[name].decode().strip() != expected:
            sys.exit(f"{name} yields {outputs[name]!r}, expected {expected}")
        net[name] = min(times[name]) - min(times[name + " empty"])
    print(f"\n{'100,000 rounds':28} {'ms net':>10} {'of Perl':>10}")
    for name, taken in net.items():
        print(f"{name:28} {taken * 1e3:10.2f} {taken / net['perl']:10.2f}")


def view(marsadm, root, runs):
    base = [marsadm, f"--root={root}", "--host=nodeb", f"--now={REFERENCE + 10}"]
    commands = {"/bin/true": ["/bin/true"], "view all, 100 resources": base + ["view", "all"],
                "view-get-primary vol1": base + ["view-get-primary", "vol1"], "version": [marsadm, "version"],
                "view --json vol1": base + ["view", "--json", "vol1"]}
    times, outputs = measure(commands, runs)
    lines = outputs["view all, 100 resources"].count(b" Secondary nodea")
    if lines != RESOURCES or outputs["view-get-primary vol1"] != b"nodea\n":
        sys.exit(f"unexpected output: {lines} resources, {outputs['view-get-primary vol1']!r}")
    zero = statistics.median(times["/bin/true"])
    least = min(times["/bin/true"])
    print(f"\n{'whole process':28} {'median ms':>10} {'over true':>10} {'min over':>10}")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:28} {median * 1e3:10.2f} {(median - zero) * 1e3:10.2f} {(min(taken) - least) * 1e3:10.2f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--marsadm", default=os.path.join(os.path.dirname(__file__), "../../build/bin/marsadm"))
    parser.add_argument("--runs", type=int, default=25)
    arguments = parser.parse_args()
    marsadm = os.path.abspath(arguments.marsadm)
    os.environ["MARS_PATH"] = "/nonexistent"
    os.environ["LC_ALL"] = "C"
    with tempfile.TemporaryDirectory(prefix="mars-bench-") as root:
        make_tree(root)
        loop(marsadm, root, arguments.runs)
        view(marsadm, root, arguments.runs)


if __name__ == "__main__":
    main()
