# SPDX-License-Identifier: GPL-2.0-or-later
# The shipped plugin systemd: an event starts the unit that the setting names, its name filled in and escaped; the verb
# systemd-status shows the units of a resource. A stub stands for systemctl.
import shutil
import subprocess

from shell_site import SOURCE, Site, check


with Site() as site:
    shutil.copytree(SOURCE + "/lua/plugins/systemd", site.etc + "/plugins/systemd")
    subprocess.run(["chown", "-R", "0:0", site.etc + "/plugins"], check=True)
    subprocess.run(["chmod", "-R", "go-w", site.etc + "/plugins"], check=True)
    calls = site.path("calls")
    stub = site.write("systemctl", f'#!/bin/sh\necho "$*" >> "{calls}"\n[ "$1" != show ] || echo active\n', 0o755)
    site.write("etc/marsadm.conf", f"systemd.systemctl = {stub}\n"
               "systemd.units = *.failed=alarm@%r-%e.service state.*=other.service\n")
    check(site.marsadm("plugins", "check")[0], 0)

    check(site.marsadm("systemd-status", "r"), (0, "r: no units\n", ""))
    site.set("resource-r/systemd-start-unit", "app-r.service")
    site.set("resource-r/systemd-stop-unit", "vol-r.mount")
    site.set("resource-r/systemd-want", "b")
    check(site.marsadm("systemd-status", "r"), (0, "r: wanted on b: app-r.service active, vol-r.mount active\n", ""))

    check(site.marsadm("set-systemd-want", "r", "nobody")[0], 1)
    with open(calls, encoding="utf-8") as file:
        started = [line for line in file.read().splitlines() if line.startswith("start")]
    check(started, [r"start --no-block -- alarm@r-set\x2dsystemd\x2dwant.failed.service"])
print("ok")
