# SPDX-License-Identifier: GPL-2.0-or-later
# Executable hooks: which are found and in which order, their arguments, what a status other than 0 does, and which are
# not run: in a dry run, from within a hook, when others could have changed them.
import os

from shell_site import MARSADM, Site, check, contains


def hook(site, path, then="exit 0"):
    log = site.path("log")
    site.write(path, f'#!/bin/sh\necho "{os.path.basename(path)} $MARS_HOOK_PHASE: $*" >> {log}\n{then}\n', 0o755)


def calls(site):
    try:
        with open(site.path("log"), encoding="utf-8") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []
    finally:
        site.write("log", "")


def order_and_arguments():
    with Site() as site:
        hook(site, "etc/hook-pre-pause-fetch")
        hook(site, "etc/hook-pre-pause-fetch.d/20-b")
        hook(site, "etc/hook-pre-pause-fetch.d/10-a")
        hook(site, "etc/hook-pre-pause-fetch.d/10-a~")
        site.write("etc/hook-pre-pause-fetch.d/README", "no program\n")
        hook(site, "etc/hook-pre")
        hook(site, "etc/hook-pre.d/x")
        hook(site, "etc/hook-post")
        hook(site, "home/.marsadm/hook-pre")
        hook(site, "etc/hook-pre-resume-fetch")
        hook(site, "etc/hook-all-pre")
        hook(site, "etc/hook-all-post-pause-fetch")
        check(site.marsadm("pause-fetch", "r")[0], 0)
        args = " pause-fetch r"
        each = ["hook-pre 1:" + args, "hook-pre-pause-fetch 1:" + args, "hook-pre 1:" + args, "10-a 1:" + args,
                "20-b 1:" + args, "x 1:" + args, "hook-post 1:" + args]
        check(calls(site), each)
        check(site.marsadm("pause-fetch", "all")[0], 0)
        check(calls(site), ["hook-all-pre 1: pause-fetch all"] + each + ["hook-all-post-pause-fetch 1: pause-fetch all"])
        # The name as typed, and the one of the table.
        check(site.marsadm("disconnect", "r")[0], 0)
        check(calls(site), each)
        # Further arguments, blanks and all.
        check(site.marsadm("set-systemd-want", "r", "no body")[0], 1)
        contains(calls(site)[0], "hook-pre set: set-systemd-want r no body")
        check(site.marsadm("view", "r")[0], 0)
        check(site.marsadm("lowlevel-ls-host-ips")[0], 0)
        check(site.marsadm("-e", "mars.view('get-primary', 'r')")[:2], (0, "b\n"))
        check(calls(site), [])
        check(site.marsadm("-e", "mars.pause_fetch('r')")[0], 0)
        check(calls(site), each)
        check(site.marsadm("shell", stdin="pause-fetch r\n")[0], 0)
        check(calls(site), each)


def every_phase():
    with Site() as site:
        hook(site, "etc/hook-pre")
        hook(site, "etc/hook-post")
        check(site.marsadm("detach", "r", "--timeout=1")[0], 3)
        check(calls(site), [f"hook-{when} {phase}: detach r" for phase, when in
                            (("check", "pre"), ("check", "post"), ("switch-off", "pre"), ("switch-off", "post"),
                             ("await-off", "pre"))])


def refusals():
    with Site() as site:
        hook(site, "etc/hook-pre-pause-fetch", "echo said; echo and why >&2; exit 3")
        status, out, err = site.marsadm("pause-fetch", "r")
        check(status, 1)
        check(site.get("resource-r/todo-a/connect"), "1")
        contains(err, f"the hook {site.etc}/hook-pre-pause-fetch ended with status 3 at phase 1 of pause-fetch [hook.failed]",
                 "and why")
        contains(out, "said")
        status, _, err = site.marsadm("pause-fetch", "r", "--force")
        check(status, 0)
        contains(err, "ignored because of --force")
        check(site.get("resource-r/todo-a/connect"), "0")
        os.unlink(site.etc + "/hook-pre-pause-fetch")
        calls(site)
        hook(site, "etc/hook-all-pre", "exit 1")
        hook(site, "etc/hook-pre")
        status, _, err = site.marsadm("resume-fetch", "all")
        check(status, 1)
        contains(err, "hook-all-pre ended with status 1")
        check(calls(site), ["hook-all-pre 1: resume-fetch all"])
        check(site.get("resource-r/todo-a/connect"), "0")
        check(site.marsadm("resume-fetch", "r")[0], 0)  # no list
        # What is done stays done.
        hook(site, "etc/hook-post", "exit 1")
        check(site.marsadm("pause-fetch", "r")[0], 1)
        check(site.get("resource-r/todo-a/connect"), "0")
        site.write("etc/hook-post", "this is no program\n", 0o755)
        status, _, err = site.marsadm("pause-fetch", "r")
        check(status, 1)
        contains(err, "hook-post does not run: ", "[hook.failed]")


def not_run():
    with Site() as site:
        hook(site, "etc/hook-pre")
        status, out, _ = site.marsadm("pause-fetch", "r", "--dry-run")
        check(status, 0)
        contains(out, f"would call {site.etc}/hook-pre at phase 1")
        check(calls(site), [])
        hook(site, "etc/hook-pre-pause-fetch", f'exec "{MARSADM}" resume-fetch r')
        check(site.marsadm("pause-fetch", "r")[0], 0)
        check(calls(site), ["hook-pre-pause-fetch 1: pause-fetch r", "hook-pre 1: pause-fetch r"])  # not of resume-fetch
        os.unlink(site.etc + "/hook-pre-pause-fetch")
        os.chmod(site.etc + "/hook-pre", 0o757)
        status, _, err = site.marsadm("pause-fetch", "r")
        check(status, 0)
        contains(err, f"the hook {site.etc}/hook-pre is not used: ", "may be changed by everybody")
        check(err.count("is not used"), 1)
        os.chmod(site.etc + "/hook-pre", 0o644)
        check(site.marsadm("pause-fetch", "r")[0], 0)
        hook(site, "work/hook-pre")
        os.chown(site.work, 12345, 12345)
        contains(site.marsadm("pause-fetch", "r", "--path=.")[2], "belongs to user 12345")
        check(calls(site), [])


for test in (order_and_arguments, every_phase, refusals, not_run):
    test()
    print("ok", test.__name__)
