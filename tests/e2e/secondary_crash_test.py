# SPDX-License-Identifier: GPL-2.0-or-later
"""marsd on the secondary is killed in the midst of a replay or of a sync: after the restart it catches up, nothing differs.

    hostA (primary) ──── hostB, killed while its position moves
"""

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, create_resource, found_cluster, join_resource, two_hosts

RES = "mydata"
SIZE = 256 * MIB

# Waits for the first change of a key, and kills marsd at that very moment. A busy loop, so that nothing is missed.
KILL_AT_CHANGE = """
pid=$(systemctl show -p MainPID --value marsd)
old=$(readlink "$1")
echo watching
until [ "$(readlink "$1")" != "$old" ]; do :; done
kill -KILL "$pid"
"""


def kill_when_key_moves(host, key, trigger):
    """Runs trigger() once `host` watches the key; marsd there dies at the key's first change."""
    watcher = host.popen(["bash", "-c", KILL_AT_CHANGE, "kill_at_change", f"/mars/{key}"], stdout=-1, text=True)
    try:
        assert watcher.stdout.readline() == "watching\n"
        trigger()
        watcher.wait(120)
    finally:
        if watcher.poll() is None:
            watcher.kill()
    host.kill_marsd()


def write_random(host, megabytes, seek=0):
    host.run(f"dd if=/dev/urandom of={host.device(RES)} bs=1M count={megabytes} seek={seek} oflag=direct status=none",
             timeout=120)


def written_back(host):
    """The published position of the primary, once it says that the whole log is on the disk."""
    position = host.replay(RES, host.name)
    is_all = position and position[2] == 0 and host.log_size(RES, position[0]) == position[1]
    return position if is_all else None


def test_a_killed_replay_resumes(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        in_the_midst = 0
        for turn in range(5):
            b.marsadm(f"pause-replay {RES}")
            write_random(a, 128, seek=turn * 16)
            log, end, _ = wait_for("hostA has written everything back",
                                   lambda: written_back(a))
            wait_for("hostB has fetched the log", lambda: b.log_size(RES, log) == end, timeout=120)
            kill_when_key_moves(b, f"resource-{RES}/replay-hostB", lambda: b.marsadm(f"resume-replay {RES}"))
            in_the_midst += b.replay(RES, "hostB") != (log, end, 0)
            b.start_marsd()
            b.wait_caught_up(RES, a)
            assert a.disk_digest(disk) == b.disk_digest(disk), f"disks differ after turn {turn}"
        assert in_the_midst, "no kill hit the replay before its end: the test proves nothing"


def test_a_killed_sync_resumes(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = cluster.hosts
        cluster.link(a, b).shape("200mbit")
        disk = [host.add_disk(RES, SIZE) for host in (a, b)][0]
        cluster.boot()
        found_cluster(a, b)
        create_resource(a, RES, disk)
        write_random(a, 200)
        join_resource(b, RES, disk)
        b.run("true")
        kill_when_key_moves(b, f"resource-{RES}/syncstatus-hostB", lambda: None)
        resumed_at = int(b.key(f"resource-{RES}/syncstatus-hostB"))
        assert resumed_at < SIZE, "the kill came after the end of the sync: the test proves nothing"
        b.start_marsd()
        write_random(a, 8, seek=100)
        b.wait_caught_up(RES, a)
        assert a.disk_digest(disk) == b.disk_digest(disk)


def test_a_secondary_without_power_catches_up(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, SIZE)
        write_random(a, 32)
        b.kill()
        write_random(a, 64, seek=100)
        b.boot()
        b.wait_caught_up(RES, a)
        assert a.disk_digest(disk) == b.disk_digest(disk)


if __name__ == "__main__":
    main(globals())
