# SPDX-License-Identifier: GPL-2.0-or-later
"""marsd ends by itself when it is told to: 15 restarts on two hosts, and the harness finds no end by a signal.

What a marsd leaves behind that was killed instead is found.
"""

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
        a.stop_marsd = a.kill_marsd
        found = " ".join(a.leftovers())
        assert "the mount " in found and "/dev/loop" in found, f"a killed marsd leaves its device, and this is found: {found}"


if __name__ == "__main__":
    main(globals())
