#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package on a host that has never seen MARS: it installs, starts, says what is missing, and goes again."""

import glob
import os
import subprocess

from testhosts import GIB, Cluster, Skip, main, outside
from testhosts.runner import REPOSITORY

PACKAGE = "/root/mars.deb"

# As needrestart reads its configuration, and decides.
NEEDRESTART = """our %nrconf = (override_rc => {qr(^dbus) => 0});
eval do { local(@ARGV, $/) = "/etc/needrestart/conf.d/mars.conf"; <> }; die $@ if $@;
for my $unit ("marsd.service", "marsdump.service") {
    my ($rule) = grep { $unit =~ /$_/ } keys %{$nrconf{override_rc}};
    print "$unit is left alone\\n" if defined $rule && !$nrconf{override_rc}->{$rule};
}"""

# What a company puts into /etc/marsadm: a verb and a primitive of its own, and a view made with it.
ACME = {
    "plugins/acme/plugin.lua": """return {
  name = "acme", version = "1",
  verbs = { ["acme-report"] = { summary = "Prints the report of Acme.", resource = "list", run = "report" } },
  primitives = { ["acme-tier"] = { doc = "The tier.", run = "tier" } },
}
""",
    "plugins/acme/init.lua": """return {
  report = function(call) return call.resource .. " is on " .. mars.get(call.resource, "get-primary") end,
  tier = function() return "gold" end,
}
""",
    "default-acme.tpl": "%{res} is %acme-tier{}\n",
}


@outside
def test_the_package_can_be_made():
    result = subprocess.run(["script/package"], cwd=REPOSITORY, capture_output=True, text=True, timeout=900, check=False)
    assert result.returncode == 0, f"script/package: {result.stdout}{result.stderr}"
    contents = subprocess.run(["dpkg-deb", "-c", _package()], capture_output=True, text=True, check=True).stdout
    for path in ("./usr/sbin/marsd", "./usr/sbin/marsadm", "./usr/share/man/man8/marsadm.8.gz",
                 "./usr/share/man/man8/marsd.8.gz",
                 "./usr/share/bash-completion/completions/marsadm", "./usr/lib/systemd/system/marsd.service",
                 "./usr/lib/marsadm/systemd-templates/vol-@escvar{res}.mount", "./etc/marsadm/",
                 "./usr/share/doc/mars/examples/rotate_logs.lua", "./etc/needrestart/conf.d/mars.conf"):
        assert path in contents, f"{path} is not in the package:\n{contents}"
    assert "mars-sim" not in contents


def test_it_installs_and_starts_on_a_fresh_host(state):
    with Cluster(state, ["hostA"], mars_size=16 * GIB) as cluster:
        a = cluster.hosts[0]
        a.copy_in(_package(), PACKAGE, 0o644)
        disk = a.add_disk("mydata", GIB // 16)
        cluster.boot()
        installed = a.run(["dpkg", "-i", PACKAGE], timeout=120)
        assert "create-cluster" in installed.out, f"what comes next? {installed}"
        assert a.run("marsadm version").out.startswith("marsadm"), "the version"
        a.run("marsadm templates check")
        assert a.run(["perl", "-e", NEEDRESTART]).out == "marsd.service is left alone\n"
        a.run("marsadm create-cluster")
        a.run("systemctl enable --now -q marsd mars.path")
        assert a.run("systemctl is-active marsd").out.strip() == "active"
        assert "marsd" in a.run("man -P cat 8 marsd 2>/dev/null || zcat /usr/share/man/man8/marsd.8.gz").out
        a.run(f"marsadm create-resource mydata {disk} && marsadm wait-resource mydata is-device-on")
        a.run("mkfs.ext4 -q /dev/mars/mydata && marsadm set-systemd-unit mydata vol-mydata.mount")
        a.run("marsadm set-systemd-want mydata '(none)' && marsadm set-systemd-want mydata hostA")
        assert a.run("findmnt -no TARGET /vol/mydata").out.strip() == "/vol/mydata"
        for name, text in ACME.items():
            a.write_file(f"/etc/marsadm/{name}", text)
        assert a.run("marsadm acme-report mydata").out == "mydata is on hostA\n"
        assert a.run("marsadm view-default-acme mydata").out == "mydata is gold\n"
        assert "notify" in a.run("marsadm plugins list").out, "the shipped plugins"
        words = a.run(["bash", "-c", 'source /usr/share/bash-completion/completions/marsadm; '
                       'COMP_LINE="marsadm set-systemd-unit my"; COMP_POINT=${#COMP_LINE}; '
                       'COMP_WORDS=($COMP_LINE); COMP_CWORD=2; _marsadm; echo "${COMPREPLY[@]}"']).out
        assert words == "mydata\n", f"completed to {words}"
        a.run("systemctl stop vol-mydata.mount && dpkg -r mars", timeout=120)
        assert a.run("systemctl is-active marsd", check=False).out.strip() != "active"


def test_without_its_filesystem_marsd_says_what_is_missing(state):
    with Cluster(state, ["hostA"]) as cluster:
        a = cluster.hosts[0]
        a.copy_in(_package(), PACKAGE, 0o644)
        cluster.boot()
        a.run(["dpkg", "-i", PACKAGE], timeout=120)
        a.run("umount /mars")
        failed = a.run("systemctl start marsd", check=False)
        assert failed.code != 0, f"marsd must not fill the root filesystem: {failed}"
        status = a.run("systemctl status --no-pager marsd", check=False)
        assert "/mars is not mounted" in status.out, status


def _package():
    found = glob.glob(os.path.join(REPOSITORY, "build/mars_*.deb"))
    if not found:
        raise Skip("no package: script/package")
    return max(found, key=os.path.getmtime)


if __name__ == "__main__":
    main(globals())
