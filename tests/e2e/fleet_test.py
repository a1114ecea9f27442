#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One command on many hosts, over ssh: 30 light hosts, 200 sessions at once, hosts that hang or are dead.

Promises: every host's answer comes, each behind its name; a hanging host costs its deadline and nobody else's time; a
host key that is not known is refused.
"""

import json
import os
import resource
import signal
import time

from testhosts import main
from testhosts.light import LightHosts
from testhosts.mars import BIN

HOSTS = 30
SESSIONS = 200


def prepare(hosts, aliases=0):
    """A tree on each host: everybody in ips/, and one resource with all as members. More names for the same hosts."""
    for name in hosts.names:
        hosts.set_key(name, "uuid", "node1_1000.000000000")
        for other in hosts.names:
            hosts.set_key(name, f"ips/ip-{other}", hosts.address(other))
        for key, value in {"size": "1048576", "primary": "node1", f"data-{name}": "/dev/null", f"device-{name}": "r",
                           f"replay-{name}": "log-000000001-node1,0,0"}.items():
            hosts.set_key(name, f"resource-r/{key}", value)
    for number in range(aliases):
        hosts.set_key("node1", f"ips/ip-alias{number}", hosts.address(hosts.names[number % len(hosts.names)]))


def marsadm(hosts, *words, check=True, timeout=180.0):
    """Runs it on node1; returns (result, seconds, MB of memory at most)."""
    begin = time.monotonic()
    result = hosts.run("node1", [os.path.join(BIN, "marsadm"), hosts.ssh_options(), *words], check, timeout)
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return result, time.monotonic() - begin, megabytes


def provide_marsadm(hosts):
    """Puts marsadm where root's shell finds it on each host."""
    for name in hosts.names:
        hosts.run(name, f"mount --bind {BIN} /usr/local/sbin")


def test_thirty_hosts_answer_and_bad_ones_cost_only_themselves(state):
    with LightHosts(state, HOSTS) as hosts:
        prepare(hosts)
        provide_marsadm(hosts)
        refused, _, _ = marsadm(hosts, "@node2", "view-replstate", "r", check=False)
        assert refused.code == 1 and "SHA256:" in refused.err and "--ssh-accept-new" in refused.err, refused
        result, seconds, megabytes = marsadm(hosts, "--ssh-accept-new", "@all", "view-replstate", "all")
        for name in hosts.names:
            assert any(line.startswith(f"{name} ") or line.startswith(f"{name}:") for line in result.out.splitlines()), \
                f"no answer of {name}: {result}"
        print(f"  @all view-replstate all on {HOSTS} hosts: {seconds:.2f} s, {megabytes:.0f} MB")

        os.kill(hosts.processes["node30"].pid, signal.SIGSTOP)
        hosts.processes["node29"].kill()
        hosts.processes["node29"].wait()
        late, seconds, _ = marsadm(hosts, "--timeout=8", "--json", "@all", "view-replstate", "r", check=False)
        answer = json.loads(late.out)
        failed = {one["host"]: one["error"]["reason"] for one in answer["hosts"] if not one["ok"]}
        assert failed == {"node29": "remote.ssh", "node30": "remote.timeout"}, failed
        assert late.code == 5 and answer["ok"] == HOSTS - 2
        slowest = max(one["seconds"] for one in answer["hosts"] if one["ok"])
        print(f"  with a hanging and a dead one, deadline 8 s: {seconds:.2f} s, the slowest good one {slowest:.2f} s")
        os.kill(hosts.processes["node30"].pid, signal.SIGCONT)


def test_two_hundred_sessions_at_once(state):
    with LightHosts(state, HOSTS) as hosts:
        prepare(hosts, aliases=SESSIONS - HOSTS)
        provide_marsadm(hosts)
        result, seconds, megabytes = marsadm(hosts, "--ssh-accept-new", "--timeout=120", "--json", "@all", "version")
        answer = json.loads(result.out)
        assert answer["ok"] == SESSIONS and answer["failed"] == 0, result
        print(f"  {SESSIONS} sessions: {seconds:.2f} s, {megabytes:.0f} MB")


if __name__ == "__main__":
    main(globals())
