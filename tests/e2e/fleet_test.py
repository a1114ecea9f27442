#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One command on many hosts, over ssh: 30 light hosts, 200 sessions at once, hosts that hang or are dead.

Promises: every host's answer comes, each behind its name; a hanging host costs its deadline and nobody else's time; a
host key that is not known is refused; a Lua program works on all of them at once.
"""

import json
import os
import resource
import signal
import time

from testhosts import main
from testhosts.light import LightHosts
from testhosts.mars import BIN
from testhosts.runner import REPOSITORY

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


def test_a_program_rotates_the_logs_of_all_hosts(state):
    with LightHosts(state, HOSTS) as hosts:
        prepare(hosts)
        provide_marsadm(hosts)
        for name in hosts.names:  # each is primary in its own tree: there is no marsd that would exchange them
            hosts.set_key(name, f"resource-r/actual-{name}/is-primary", "1")
            hosts.write_file(name, f"resource-r/log-000000001-{name}", "x" * 4096)
        program = os.path.join(REPOSITORY, "lua/examples/rotate_logs.lua")
        result, seconds, megabytes = marsadm(hosts, "--ssh-accept-new", "lua", program)
        for name in hosts.names:
            assert f"{name}: log-000000002-{name}" in result.out.splitlines(), f"{name}: {result}"
            assert hosts.run(name, f"stat -c %s /mars/resource-r/log-000000002-{name}").out == "0\n", name
        assert result.out.endswith(f"{HOSTS} of {HOSTS} hosts are done\n"), result
        print(f"  a Lua program rotates the logs of {HOSTS} hosts: {seconds:.2f} s, {megabytes:.0f} MB")

        hosts.processes["node29"].kill()
        hosts.processes["node29"].wait()
        partly, _, _ = marsadm(hosts, "lua", program, "node1", "node2", "node29", check=False)
        assert partly.code == 1 and "2 of 3 hosts are done" in partly.out and "node29: " in partly.err, partly
        unknown, _, _ = marsadm(hosts, "lua", program, "node1", "node99", check=False)
        assert unknown.code == 2 and "node99 is no host" in unknown.err, unknown


LUA_OVER_SSH = r"""
-- A verb there: its answer, and a refusal with its reason.
print(mars.on("node2").view_get_primary("r"))
local done, why, reason = mars.on("node2").pause_fetch("nothere")
print(done, reason, why:match("nothere") ~= nil)
-- A command there: words arrive as they are, output comes while it runs, its status is no failure.
local pieces, first = {}, nil
local ran = mars.sh("node3", { "/bin/sh", "-c", "hostname; read x; printf '%s\\n' \"$x\"; echo oops >&2; exit 3" }, {
  input = "a  'b'\n",
  on_stdout = function(piece) pieces[#pieces + 1] = piece end,
  on_stderr = function(piece) print("stderr", (piece:gsub("\n", ""))) end,
})
print(ran.status, (table.concat(pieces):gsub("\n", "|")), table.concat(pieces) == ran.stdout)
print((mars.sh("node3", { "printf", "%s|", "two words", "$HOME", "*", "" }).stdout))
-- The first piece is here before the command there has ended: it waits for what the listener makes.
mars.sh("node2", "echo ready; while ! test -e /mars/go; do sleep 0.1; done; echo end", {
  timeout = 60,
  on_stdout = function(piece)
    if piece:match("ready") then mars.sh("node2", { "touch", "/mars/go" }) end
    io.write(piece)
  end,
})
print(select(3, mars.sh("node2", { "sleep", "1000" }, { timeout = 1 })))
local names = { "node1", "node2", "node3", "node4" }
local all, bad = mars.each(names, function(host)
  if host == "node4" then error("not this one", 0) end
  return (mars.sh(host, { "hostname" }).stdout:gsub("\n", ""))
end)
print(all.node1, all.node2, all.node3, all.node4, bad.node4:match("[^\n]*"))
"""


def test_lua_reaches_other_hosts(state):
    with LightHosts(state, 4) as hosts:
        prepare(hosts)
        provide_marsadm(hosts)
        result, _, _ = marsadm(hosts, "--ssh-accept-new", "-e", LUA_OVER_SSH)
        assert result.out.splitlines() == [
            "node1", "nil\tres.missing\ttrue", "stderr\toops", "3\tnode3|a  'b'|\ttrue", "two words|$HOME|*||", "ready", "end",
            "remote.timeout", "node1\tnode2\tnode3\tnil\tnot this one"], result


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
