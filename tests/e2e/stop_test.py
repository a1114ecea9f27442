# SPDX-License-Identifier: GPL-2.0-or-later
"""marsd ends by itself when it is told to: 15 restarts on two hosts, and no end by a signal in the journals."""

from testhosts import MIB, main
from testhosts.mars import MarsCluster, two_hosts

RES = "mydata"


def test_orderly_stops_end_without_a_signal(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, _ = two_hosts(cluster, RES, 32 * MIB)
        for _ in range(15):
            for host in (a, b):
                host.run("systemctl reset-failed marsd; systemctl restart marsd", timeout=60)
        a.wait_device(RES)
        b.wait_caught_up(RES, a)
        for host in (a, b):
            journal = host.run("journalctl -u marsd --no-pager -o cat").out
            bad = [line for line in journal.splitlines()
                   if "code=killed" in line or "code=dumped" in line or "Start request repeated" in line]
            assert not bad, f"{host.name}: {len(bad)} ends that nobody asked for: {bad[:3]}"


if __name__ == "__main__":
    main(globals())
