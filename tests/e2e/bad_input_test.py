# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrong input gets a clear message, a non-zero exit code, and changes nothing. Bad surroundings (no terminal, no
environment, a dead name server, a full /mars) do not keep the daily verbs from ending, and from telling what is true.

    hostA (a cluster of its own, one resource) ──── hostB, hostC (elsewhere, or nowhere)
"""

import contextlib

from testhosts import MIB, main, wait_for
from testhosts.mars import MarsCluster, create_resource, found_cluster, join_cluster
from testhosts.network import NOWHERE
from testhosts.witness import Witness

RES = "mydata"
SIZE = 64 * MIB

# Connects to a port and sends rubbish of several kinds; prints what became of each connection.
GARBAGE = """
import os, socket, struct, sys
rubbish = [os.urandom(65536), b"GET / HTTP/1.1\\r\\n\\r\\n", b"\\xff" * 4096, b"\\0" * 4096, b"",
           struct.pack("<I", 0xFFFFFFFF) * 64, struct.pack(">I", 0x7FFFFFFF) + b"x", b"MARS" * 1000]
for port in (7777, 7778, 7779):
    for piece in rubbish:
        try:
            with socket.create_connection((sys.argv[1], port), 5) as peer:
                peer.settimeout(5)
                peer.sendall(piece)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass
        except OSError as error:
            print(port, error)
"""


@contextlib.contextmanager
def one_host(state, **options):
    """A cluster of one, with a spare disk, and the resource mydata if resource=True."""
    with MarsCluster(state, ["hostA"], options.get("mars_size", 1 << 30)) as cluster:
        host = cluster.hosts[0]
        disk, spare, tiny = host.add_disk(RES, SIZE), host.add_disk("spare", SIZE), host.add_disk("tiny", 64 * 1024)
        cluster.boot()
        found_cluster(host)
        if options.get("resource"):
            create_resource(host, RES, disk)
        yield host, disk, spare, tiny


def expect_refused(host, arguments, reason, code=None):
    """The verb fails, names the reason, and leaves the tree as it was. Returns its Result."""
    before = host.snapshot()
    result = host.marsadm(arguments, check=False)
    assert result.code not in (0, None) and result.code > 0, f"was not refused: {result}"
    assert code is None or result.code == code, f"expected exit code {code}: {result}"
    assert f"[{reason}]" in result.err, f"expected reason [{reason}]: {result}"
    assert len(result.err.split()) >= 6, f"that is no clear message: {result}"
    assert host.snapshot() == before, f"the tree has changed: {sorted(host.snapshot() ^ before)}"
    return result


LOOKS = ["view", "view all", f"view {RES}", "--json view all", "view-replstate all", f"view-diskstate {RES}",
         f"view-is-primary {RES}", f"wait-resource {RES} is-attached-on"]
CHANGES = [f"pause-replay {RES}", f"resume-replay {RES}", f"pause-fetch {RES}", f"resume-fetch {RES}"]


def by_cron(host, words, stdin="</dev/null"):
    """Runs it as cron would: hardly an environment, no terminal. To wait for a name server takes longer."""
    return host.run(f"exec env -i /usr/local/sbin/marsadm {words} {stdin}", check=False, timeout=60)


def daily_verbs_need_no_name_server(a, b):
    """hostA is primary, hostB a secondary."""
    for host in (a, b):
        host.write_file("/etc/resolv.conf", f"nameserver {NOWHERE}\noptions timeout:30 attempts:5\n")
    for host, stdin, more in ((a, "</dev/null", [f"primary {RES}"]), (b, "<&-", [])):
        before = host.snapshot()
        for words in [*LOOKS, "wait-cluster", *more, *CHANGES, f"log-rotate {RES}", "cron",
                      f"set-systemd-unit {RES} ''", "@all view-replstate all"]:
            done = by_cron(host, words, stdin)
            remark = "2 ok, 0 failed" if "@" in words else "is not primary" if host is b and "rotate" in words else ""
            assert done.code == 0 and bool(remark) == bool(done.err) and remark in done.err, f"{words}: {done}"
        changed = {line for line in before ^ host.snapshot() if "/todo-" in line or "/primary|" in line}
        assert not changed, f"{host.name}: {sorted(changed)}"


def test_disks_that_are_none(state):
    with one_host(state) as (host, disk, _, tiny):
        host.run("echo text > /root/file; mkdir /root/folder")
        expect_refused(host, f"create-resource {RES} /dev/disks/nowhere", "disk.missing", 1)
        expect_refused(host, f"create-resource {RES} /dev/null", "disk.missing", 1)
        expect_refused(host, f"create-resource {RES} /root/file", "disk.size", 1)  # five bytes
        expect_refused(host, f"create-resource {RES} /root/folder", "disk.missing", 1)
        expect_refused(host, f"create-resource {RES} disks/{RES}", "disk.missing", 1)
        expect_refused(host, f"create-resource {RES}", "usage.arg", 2)
        expect_refused(host, f"create-resource {RES} {tiny}", "disk.size", 1)
        expect_refused(host, f"create-resource {RES} {disk} {RES} 1G", "disk.size", 1)
        expect_refused(host, f"create-resource {RES} {disk} {RES} 1000001", "usage.size", 2)
        expect_refused(host, f"create-resource {RES} {disk} {RES} lots", "usage.size", 2)
        create_resource(host, RES, disk)


def test_disks_in_use(state):
    with one_host(state, resource=True) as (host, disk, spare, _):
        host.run(f"mkfs.ext4 -q {spare} && mount {spare} /mnt")
        expect_refused(host, f"create-resource other {spare}", "disk.busy", 1)
        expect_refused(host, f"create-resource other {disk}", "disk.busy", 1)
        host.run("umount /mnt")
        create_resource(host, "other", spare)
        host.run("truncate -s 64M /disk.img")
        create_resource(host, "filed", "/disk.img")
        for store in (spare, "/disk.img"):
            loop = host.run(f"losetup -f --show {store}").out.strip()
            refused = expect_refused(host, f"create-resource third {loop}", "disk.busy", 1)
            assert f"the same as {store}" in refused.err, refused
            host.run(f"losetup -d {loop}")


def test_names_that_are_forbidden(state):
    with one_host(state) as (host, disk, _, _):
        for name in ("bad.name", "bad/name", "bad name", "bädname", "../bad"):
            expect_refused(host, f"create-resource '{name}' {disk}", "name.syntax", 2)
        expect_refused(host, f"create-resource -bad {disk}", "usage.option", 2)
        expect_refused(host, f"create-resource {'x' * 64} {disk}", "name.length", 2)
        for name in ("none", "local", "(none)"):
            result = expect_refused(host, f"create-resource '{name}' {disk}",
                                    "name.syntax" if name.startswith("(") else "name.reserved")
            assert name in result.err, result
        expect_refused(host, f"create-resource a,b {disk}", "name.syntax", 2)
        expect_refused(host, f"create-resource {RES} {disk} bad.device", "name.syntax", 2)
        create_resource(host, "x" * 63, disk)


def test_creating_twice(state):
    with one_host(state, resource=True) as (host, _, spare, _):
        expect_refused(host, f"create-resource {RES} {spare}", "res.exists", 1)
        expect_refused(host, f"create-resource other {spare} {RES}", "device.name", 1)
        expect_refused(host, "create-cluster", "cluster.exists", 1)
        expect_refused(host, "create-cluster --force", "dp.forbidden", 1)


def test_verbs_options_and_resources_that_do_not_exist(state):
    with one_host(state, resource=True) as (host, _, _, _):
        expect_refused(host, "frobnicate mydata", "usage.verb", 2)
        expect_refused(host, f"primary {RES} --frobnicate", "usage.option", 2)
        expect_refused(host, f"primary {RES} --timeout=soon", "usage.option", 2)
        expect_refused(host, "primary", "usage.arg", 2)
        expect_refused(host, "primary nosuch", "res.missing", 1)


def test_joining_what_is_not_ours(state):
    with MarsCluster(state, ["hostA", "hostB", "hostC"]) as cluster:
        a, b, c = cluster.hosts
        disk = [host.add_disk(RES, SIZE) for host in cluster.hosts][0]
        tiny = b.add_disk("tiny", SIZE // 2)
        cluster.boot()
        for host in (a, c):
            found_cluster(host)
            create_resource(host, RES, disk)
        before = {host: host.snapshot() for host in (a, c)}
        foreign = c.marsadm(f"join-cluster {a.name}", check=False)
        assert foreign.code not in (0, 5), f"joining a foreign cluster was not refused: {foreign}"
        assert "[cluster.resources]" in foreign.err or "[cluster.uuid]" in foreign.err or "[dp.forbidden]" in foreign.err, \
            foreign
        for host, tree in before.items():
            assert host.snapshot() == tree, f"{host.name}: {sorted(host.snapshot() ^ tree)}"

        expect_refused(b, f"join-cluster {a.name}", "dp.required", 1)
        b.start_marsd()
        expect_refused(b, "join-cluster nosuch", "remote.ssh", 1)
        expect_refused(b, "join-cluster hostB", "cluster.self", 1)
        expect_refused(b, f"join-resource {RES} {disk}", "sys.nouuid", 4)
        join_cluster(b, a)
        refused = b.marsadm(f"join-resource {RES} {tiny}", check=False)
        assert refused.code == 1 and "[disk.toosmall]" in refused.err, refused
        assert b.key(f"resource-{RES}/data-hostB") is None, "nobody became a member"
        refused = b.marsadm(f"join-resource {RES} /dev/disks/nowhere", check=False)
        assert refused.code == 1 and "[disk.missing]" in refused.err, refused
        assert b.key(f"resource-{RES}/data-hostB") is None


def test_an_unknown_ssh_host_is_refused(state):
    with MarsCluster(state, ["hostA", "hostB"], known_hosts=False) as cluster:
        a, b = cluster.hosts
        cluster.boot()
        found_cluster(a)
        b.start_marsd()
        result = expect_refused(b, f"join-cluster {a.name}", "remote.ssh", 1)
        assert "host key" in result.err and "--ssh-accept-new" in result.err, result
        assert not b.run("cat /root/.ssh/known_hosts 2>/dev/null", check=False).out
        b.marsadm(f"join-cluster {a.name} --ssh-accept-new")
        assert b.key("uuid") == a.key("uuid")


def test_a_full_mars_filesystem(state):
    with one_host(state, mars_size=48 * MIB) as (host, disk, _, _):
        host.run("fallocate -l 1G /mars/filler 2>/dev/null; cat /dev/zero > /mars/filler2 2>/dev/null; sync; true")
        before = host.snapshot()
        result = host.marsadm(f"create-resource {RES} {disk}", check=False)
        if result.code == 0:  # symlinks may still fit into the inodes: then it has to work, too
            host.wait_device(RES)
        else:
            assert "space" in result.err.lower(), f"expected a word about space: {result}"
            assert host.snapshot() == before, sorted(host.snapshot() ^ before)
        host.run("rm -f /mars/filler /mars/filler2")
        if result.code != 0:
            create_resource(host, RES, disk)
        host.run(f"dd if=/dev/zero of={host.device(RES)} bs=4096 count=1 oflag=direct status=none")
        daily_verbs_tell_that_mars_is_full(host)


def daily_verbs_tell_that_mars_is_full(host):
    """Neither a byte nor an inode is free."""
    host.run("mkdir /mars/lost+found/x && cd /mars/lost+found/x && cat /dev/zero > filler 2>/dev/null; i=0; "
             "while true > $i; do i=$((i + 1)); done 2>/dev/null; true")
    for words in [*LOOKS, "wait-cluster", f"primary {RES}"]:  # there is nothing to be written
        done = by_cron(host, words)
        assert done.code == 0, f"{words}: {done}"
    for words in (f"pause-replay {RES}", f"down {RES}", f"log-rotate {RES}", f"secondary {RES}", f"set-systemd-unit --force {RES} x.service",
                  f"set-systemd-want --force {RES} hostA"):
        before = host.snapshot()
        done = by_cron(host, words)
        assert done.code == 4 and "[sys.nospace]" in done.err and "host hostA" in done.err, f"{words}: {done}"
        assert "next: make room" in done.err and ".tmp" not in done.err, f"{words}: {done}"
        for claim in ("is switched", "rotating", "designated", "is wanted"):
            assert claim not in done.out, f"{words} says what it has not done: {done}"
        assert host.snapshot() == before, f"{words}: {sorted(host.snapshot() ^ before)}"
    host.run("rm -r /mars/lost+found/x")
    for words in CHANGES:
        assert by_cron(host, words).code == 0, words


def test_a_disk_that_fills_up_under_load_loses_nothing(state):
    """There is no emergency mode: the device fails, says why, and works again once there is space and marsd restarts."""
    with one_host(state, mars_size=48 * MIB, resource=True) as (host, _, _, _):
        witness = Witness(host.device(RES))
        witness.start(host)
        witness.wait_for_more(200)
        host.run("cat /dev/zero > /mars/filler 2>/dev/null; true")
        witness.wait_end(120)
        assert "No space left on device" in host.run("journalctl -u marsd --no-pager -o cat").out
        host.run("rm /mars/filler")
        host.kill_marsd()
        host.start_marsd()
        host.wait_device(RES)
        witness.check(host)
        witness.start(host)
        witness.wait_for_more(200)
        witness.stop()
        witness.check(host)


def test_peers_that_talk_rubbish(state):
    with MarsCluster(state, ["hostA", "hostB", "hostC"]) as cluster:
        a, b, c = cluster.hosts
        disk = [host.add_disk(RES, SIZE) for host in (a, b)][0]
        cluster.boot()
        found_cluster(a, b)
        create_resource(a, RES, disk)
        b.run(f"mkfs.ext4 -q -L precious {disk}")
        expect_refused(b, f"join-resource {RES} {disk}", "disk.signature", 1)
        assert "precious" in b.run(f"blkid -p {disk}").out, "nothing was changed"
        b.marsadm(f"--force join-resource {RES} {disk}")
        b.wait_caught_up(RES, a)
        pid = a.run("systemctl show -p MainPID --value marsd").out
        before = a.snapshot()
        for peer in (b, c):  # a member of the cluster, and a stranger
            peer.run(["python3", "-c", GARBAGE, a.name], timeout=300)
        assert a.run("systemctl show -p MainPID --value marsd").out == pid, "marsd has been restarted"
        assert a.snapshot() == before, sorted(a.snapshot() ^ before)
        a.run(f"dd if=/dev/urandom of={a.device(RES)} bs=1M count=8 oflag=direct status=none")
        b.wait_caught_up(RES, a)
        lines = [line for line in a.run("journalctl -u marsd --no-pager -o cat").out.splitlines() if "10.77.3.2" in line]
        assert lines, "a connection from an unknown address is reported"
        assert len(lines) <= 12, f"… but not for every connection: {len(lines)} lines"
        daily_verbs_need_no_name_server(a, b)


def test_a_member_of_another_cluster_is_not_listened_to(state):
    with MarsCluster(state, ["hostA", "hostB"]) as cluster:
        a, b = cluster.hosts
        cluster.boot()
        for host in (a, b):
            found_cluster(host)
        wait_for("both are up", lambda: a.key("uuid") and b.key("uuid"))
        before = a.snapshot()
        # hostB believes that hostA is a member of its own cluster, and tells it so.
        b.marsadm(f"lowlevel-set-host-ip hostA {a.address}", check=False)
        b.run(f"ln -sf {a.address} /mars/ips/ip-hostA")
        b.marsadm("wait-cluster --timeout=5", check=False, timeout=120)
        assert a.key("uuid") != b.key("uuid")
        assert a.snapshot() == before, sorted(a.snapshot() ^ before)


if __name__ == "__main__":
    main(globals())
