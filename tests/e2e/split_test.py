# SPDX-License-Identifier: GPL-2.0-or-later
"""A primary restored from an older picture while the line is down makes a second history under the old names: every
member says so, nothing is mixed, and invalidate cures. A primary whose log has gone while marsd was down begins no history
at an earlier point than its disk has."""

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, two_hosts

RES = "mydata"


def test_two_histories_under_the_same_names(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 96 * MIB)
        a.fill(RES, 8, 4)
        b.wait_caught_up(RES, a)
        a.kill()
        a.take_picture()
        a.boot()
        a.wait_device(RES)
        for seek in (20, 40):
            a.fill(RES, seek, 8)
            a.marsadm(f"log-rotate {RES}")
        b.wait_caught_up(RES, a)
        a.kill()
        cluster.link(a, b).cut()
        a.restore_picture()
        a.boot()
        wait_for("hostA knows that it had written more",
                 lambda: "had written up to" in (a.key(f"resource-{RES}/actual-hostA/msg-err-past-missing") or ""))
        assert a.run(f"test -e {a.device(RES)}", check=False).code != 0, "no device before a member was asked"
        shown = a.marsadm(f"view {RES}")
        assert "older picture" in shown.out + shown.err, shown
        asked = a.marsadm(f"trust-disk {RES}", check=False)
        assert asked.code != 0 and "given up" in asked.err, asked
        a.marsadm(f"--force trust-disk {RES}")
        a.wait_device(RES)
        a.fill(RES, 60, 4)
        a.marsadm(f"log-rotate {RES}")
        a.fill(RES, 70, 4)
        cluster.link(a, b).heal()
        for host in (a, b):
            wait_for(f"{host.name} says that there is a split", lambda h=host: "SplitBrain" in h.view("replstate", RES))
        refused = b.marsadm(f"primary {RES}", check=False)
        assert refused.code != 0 and "split brain" in refused.err and "invalidate" in refused.err, refused
        assert a.key(f"resource-{RES}/primary") == "hostA"
        a.fill(RES, 80, 2)
        b.marsadm(f"invalidate {RES}")
        b.wait_caught_up(RES, a)
        assert len({host.disk_digest(disk) for host in cluster.hosts}) == 1, "the disks hold the same"
        assert "SplitBrain" not in b.view("replstate", RES)


def test_a_log_of_the_primary_has_gone_while_marsd_was_down(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 64 * MIB)
        for seek, damage in ((8, "truncate -s {half}"), (30, "rm")):
            a.fill(RES, seek, 4)
            b.wait_caught_up(RES, a)
            log, half, _ = a.replay(RES, a.name)
            cluster.link(a, b).cut()
            a.fill(RES, seek + 10, 4)
            wait_for("all is on the disk", lambda: a.replay(RES, a.name) == (log, a.log_size(RES, log), 0))
            a.stop_marsd()
            a.run(f"{damage.format(half=half)} /mars/resource-{RES}/{log}")
            cluster.link(a, b).heal()
            a.start_marsd()
            for host in (a, b):
                wait_for(f"{host.name} knows that the log has gone", lambda h=host:
                         f"of {log}, only" in (h.key(f"resource-{RES}/actual-hostA/msg-err-past-missing") or ""))
                shown = host.marsadm(f"view {RES}")
                assert "trust-disk" in shown.out + shown.err, shown
            assert a.run(f"test -e {a.device(RES)}", check=False).code != 0, "no history from before what the disk has"
            refused = b.marsadm(f"primary {RES}", check=False)
            assert refused.code == 1 and "[role.waits]" in refused.err and "trust-disk" in refused.err, refused
            assert a.key(f"resource-{RES}/primary") == "hostA"
            a.stop_marsd()  # nor does a restart forget
            a.start_marsd()
            wait_for("hostA waits again",
                     lambda: f"of {log}, only" in (a.key(f"resource-{RES}/actual-hostA/msg-err-past-missing") or ""))
            a.marsadm(f"--force trust-disk {RES}")
            a.wait_device(RES)
            a.fill(RES, seek + 15, 1)
            for host in (a, b):
                wait_for(f"{host.name} says that hostB cannot follow", lambda h=host: "marsadm invalidate mydata on hostB"
                         in (lambda shown: shown.out + shown.err)(h.marsadm(f"view {RES}")))
            b.marsadm(f"invalidate {RES}")
            b.wait_caught_up(RES, a)
            assert len({host.disk_digest(disk) for host in cluster.hosts}) == 1, "the disks hold the same"
            assert a.key(f"resource-{RES}/local-hostA/trust-disk") is None, "the word was for once"


def test_the_log_that_was_begun_a_moment_before_a_crash_has_gone(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b, disk = two_hosts(cluster, RES, 64 * MIB)
        for way_out in ("put back", "primary", "trust-disk"):
            a.fill(RES, 8, 4)
            b.wait_caught_up(RES, a)
            a.stop_marsd()  # the next start begins a new log, of which nothing is published yet
            a.start_marsd()
            a.wait_device(RES)
            if way_out != "primary":
                cluster.link(a, b).cut()
            a.fill(RES, 20, 8)
            if way_out == "primary":
                b.wait_caught_up(RES, a)
            log = a.replay(RES, a.name)[0]
            a.kill_marsd()
            a.run(f"mv /mars/resource-{RES}/{log} /root/")
            cluster.link(a, b).heal()
            a.start_marsd()
            for host in (a, b):
                wait_for(f"{host.name} knows that the log has gone", lambda h=host: f"of {log}, only 0 bytes"
                         in (h.key(f"resource-{RES}/actual-hostA/msg-err-past-missing") or ""))
                shown = host.marsadm(f"view {RES}")
                assert "put the log back" in shown.out + shown.err, shown
            assert a.run(f"test -e {a.device(RES)} -o -e /mars/resource-{RES}/{log}", check=False).code != 0
            if way_out == "put back":
                a.run(f"mv /root/{log} /mars/resource-{RES}/")
                a.stop_marsd()
                a.start_marsd()
                a.wait_device(RES)
            elif way_out == "primary":
                b.marsadm(f"primary {RES}")
                b.wait_device(RES)
                b.fill(RES, 40, 1)
                a.wait_caught_up(RES, b)
                a.marsadm(f"primary {RES}")
                a.wait_device(RES)
            else:
                a.marsadm(f"--force trust-disk {RES}")
                a.wait_device(RES)
                a.fill(RES, 50, 1)
                wait_for("hostB says that it cannot follow", lambda: "marsadm invalidate mydata on hostB"
                         in (lambda shown: shown.out + shown.err)(b.marsadm(f"view {RES}")))
                b.marsadm(f"invalidate {RES}")
            b.wait_caught_up(RES, a)
            assert len({host.disk_digest(disk) for host in cluster.hosts}) == 1, "the disks hold the same"


if __name__ == "__main__":
    main(globals())
