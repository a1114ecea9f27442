# SPDX-License-Identifier: GPL-2.0-or-later
# A company's plugin in $ETC_MARSADM: its own verb, primitive, hook and default macro, on top of what is installed; what
# is broken or could be changed by others is said and left out; and nothing costs anything when it is not used.
import os

from shell_site import Session, Site, check, contains

MANIFEST = """
return {
  name = "acme", version = "2.1", summary = "How Acme runs its storage.",
  verbs = {
    ["acme-report"] = {
      summary = "Prints the report of Acme.", doc = "One line for each resource.", resource = "list",
      arguments = { { name = "COLOUR", doc = "of the paper", optional = true } }, run = "report",
    },
    ["acme-fail"] = { summary = "Fails.", changes = true, run = "fail" },
  },
  primitives = { ["acme-tier"] = { doc = "The tier of the resource.", max_args = 1, run = "tier" } },
  hooks = { ["pause-fetch.before"] = "no_pause", ["resume-fetch.after"] = "cannot", ["*.failed"] = "note",
            ["pause-sync.before"] = "sleeps", ["resume-sync.after"] = "computes" },
  tunables = {
    tier = { default = "gold", doc = "the usual tier" },
    limit = { default = 3, doc = "a number" },
    strict = { default = true, doc = "refuse to pause" },
  },
}
"""
CODE = """
local words = require("words")
local t = plugin.tunables
return {
  report = function(call)
    mars.sleep(0.01)
    return call.resource .. " " .. t.tier .. " " .. t.limit + 1 .. " " .. (call.arguments[1] or words.none) ..
      " " .. mars.get(call.resource, "get-primary")
  end,
  fail = function() return nil, "Acme has no budget" end,
  tier = function(prefix) return (prefix or "") .. t.tier end,
  no_pause = function(event)
    if t.strict then return nil, "Acme never pauses " .. event.resource end
  end,
  sleeps = function() mars.sleep(1000) end,
  computes = function() while true do end end,
  cannot = function() error("the pager of Acme is silent", 0) end,
  note = function(event) mars.log("hint", "noted " .. event.name .. " " .. event.reason) end,
}
"""


def install(site, where="etc/plugins/acme"):
    site.write(where + "/plugin.lua", MANIFEST)
    site.write(where + "/init.lua", CODE)
    site.write(where + "/words.lua", 'return { none = "white" }\n')


def company():
    with Site() as site:
        install(site)
        site.write("etc/default-acme.tpl", "%{res} is %acme-tier{tier }\n")
        check(site.marsadm("acme-report", "r"), (0, "r gold 4 white b\n", ""))
        check(site.marsadm("acme-report", "all", "red"), (0, "r gold 4 red b\n", ""))
        check(site.marsadm("acme-report", "r", MARS_ACME_TIER="silver")[1], "r silver 4 white b\n")
        status, _, err = site.marsadm("acme-report")
        check(status, 2)
        contains(err, "acme-report RES|LIST|all [COLOUR]")
        status, _, err = site.marsadm("acme-fail")
        check(status, 1)
        contains(err, "Acme has no budget [plugin.failed]")
        site.write("etc/marsadm.conf", "# Acme\nacme.tier = bronze\nacme.limit=10\n")
        check(site.marsadm("acme-report", "r")[1], "r bronze 11 white b\n")
        check(site.marsadm("view-default-acme", "r")[:2], (0, "r is tier bronze\n"))
        check(site.marsadm("view-acme-tier", "r")[1], "bronze\n")
        check(site.marsadm("-e", "mars.macro('%acme-tier{a }', 'r'), mars.get('r', 'acme-tier')")[1],
              "a bronze\tbronze\n")
        check(site.marsadm("shell", stdin="%acme-tier{b }\n")[1], "b bronze\n")
        # Wherever a verb appears.
        contains(site.marsadm("help")[1], "From plugins", "acme-report RES|LIST|all [COLOUR]")
        contains(site.marsadm("help", "acme-report")[1], "One line for each resource.", "of the paper")
        contains(site.marsadm("acme-reprot", "r")[2], "did you mean 'acme-report'?")
        check(site.marsadm("-e", "mars.acme_report('r').answer")[1], "r bronze 11 white b\n")
        check(site.marsadm("shell", stdin="acme-report r\n")[1], "r bronze 11 white b\n")
        with Session(site) as session:
            session.prompt()
            session.type("acme-re\tr\n")
            session.expect("bronze")
        contains(site.marsadm("plugins", "list")[1], "acme 2.1", "verb acme-report", "primitive acme-tier",
                 "hook pause-fetch.before", "tunable acme.limit = 10 (a number)")
        check(site.marsadm("plugins", "check")[0], 0)


def events():
    with Site() as site:
        install(site)
        status, _, err = site.marsadm("pause-fetch", "r")
        check(status, 1)
        contains(err, "plugin acme refuses pause-fetch.before of resource r: Acme never pauses r [hook.failed]",
                 "noted pause-fetch.failed hook.failed")
        check(site.get("resource-r/todo-a/connect"), "1")
        status, out, err = site.marsadm("pause-fetch", "r", "--dry-run")
        contains(out, "would call plugin acme at pause-fetch.before")
        status, _, err = site.marsadm("pause-fetch", "r", "--force")
        check(status, 0)
        contains(err, "warning: ", "ignored because of --force")
        check(site.get("resource-r/todo-a/connect"), "0")
        status, _, err = site.marsadm("resume-fetch", "r")
        check(status, 0)
        contains(err, "plugin acme failed at resume-fetch.after of resource r: the pager of Acme is silent")
        site.write("etc/marsadm.conf", "acme.strict = false\n")
        check(site.marsadm("pause-fetch", "r")[0], 0)
        # A hook that does not end ends with its deadline.
        status, _, err = site.marsadm("pause-sync", "r", "--hook-timeout=1")
        check(status, 1)
        contains(err, "plugin acme refuses pause-sync.before of resource r: sleeps() took longer than 1000 ms; next: ",
                 "--hook-timeout=S [hook.failed]")
        site.set("resource-r/todo-a/sync", "0")
        status, _, err = site.marsadm("resume-sync", "r", "--hook-timeout=1")
        check((status, site.get("resource-r/todo-a/sync")), (0, "1"))
        contains(err, "plugin acme failed at resume-sync.after of resource r: computes() took longer than 1000 ms")


def broken():
    with Site() as site:
        install(site)
        cases = {
            "syntax": ("return {", "plugin.lua:1:"),
            "spelling": ('return {name="spelling", version="1", verb={}}', "did you mean verbs?"),
            "othername": ('return {name="wrong", version="1"}', "the directory is called 'othername'"),
            "library": ('os.exit(1)', "attempt to index a nil value (global 'os')"),
            "endless": ("while true do end", "must not compute for long"),
            "thief": ('return {name="thief", version="1", verbs={primary={summary="x", run="x"}}}',
                      "exists already"),
            "nocode": ('return {name="nocode", version="1", verbs={nocode={summary="x", run="x"}}}', "init.lua"),
        }
        for name, (text, _) in cases.items():
            site.write(f"etc/plugins/{name}/plugin.lua", text)
        status, out, err = site.marsadm("acme-report", "r")
        check((status, out), (0, "r gold 4 white b\n"))  # the others work
        for name, (_, why) in cases.items():
            if name != "nocode":
                contains(err, f"etc/plugins/{name} is not used: ", why)
        status, out, err = site.marsadm("plugins", "check")
        check(status, 1)
        contains(err, "[plugin.broken]", "nocode/init.lua")
        check(site.marsadm("plugins", "check", site.etc + "/plugins/acme")[0], 0)
        site.write("etc/plugins/acme/init.lua", "return {}\n")
        contains(site.marsadm("plugins", "check", site.etc + "/plugins/acme")[2], "init.lua has no function ")
        status, _, err = site.marsadm("pause-fetch", "r")  # reported and skipped
        check(status, 0)
        contains(err, "plugin " + site.etc + "/plugins/acme is not used: ", "has no function no_pause")


def trust():
    with Site() as site:
        install(site)
        place = site.etc + "/plugins/acme"
        for path, spoil, cure in (
            (place + "/init.lua", lambda p: os.chmod(p, 0o646), lambda p: os.chmod(p, 0o644)),
            (place + "/words.lua", lambda p: os.chown(p, 12345, 0), lambda p: os.chown(p, 0, 0)),
            (place, lambda p: os.chmod(p, 0o757), lambda p: os.chmod(p, 0o755)),
            (site.etc, lambda p: os.chmod(p, 0o757), lambda p: os.chmod(p, 0o755)),
            (site.etc + "/plugins", lambda p: os.chown(p, 12345, 0), lambda p: os.chown(p, 0, 0)),
        ):
            spoil(path)
            status, _, err = site.marsadm("acme-report", "r")
            check(status, 2)
            contains(err, "is not used: " + path, "unknown verb 'acme-report'")
            cure(path)
        check(site.marsadm("acme-report", "r")[0], 0)
        # What others put into the working directory.
        install(site, "work/plugins/acme")
        os.chown(site.work + "/plugins", 12345, 12345)
        contains(site.marsadm("acme-report", "r", MARS_PATH=".")[2], "belongs to user 12345")


def search_path():
    with Site() as site:
        for where, version in (("work", "1"), ("home/.marsadm", "2"), ("etc", "3")):
            site.write(f"{where}/plugins/same/plugin.lua", f'return {{name="same", version="{version}"}}')
        contains(site.marsadm("plugins", "list", "--path=.")[1], "same 1 (")
        contains(site.marsadm("plugins", "list")[1], "same 2 (")
        # What is not trusted hides nothing.
        os.chown(site.home + "/.marsadm", 12345, 0)
        contains(site.marsadm("plugins", "list")[1], "same 3 (")
        contains(site.marsadm("plugins", "list", MARS_PATH=site.etc)[1], "same 3 (")


def costs_nothing():
    with Site() as site:
        site.write("etc/plugins/slow/plugin.lua", "this is no Lua at all")
        for words in (("view-get-primary", "r"), ("version",), ("view", "r"), ("view", "all")):
            status, _, err = site.marsadm(*words)
            check((status, "slow" in err), (0, False))  # nobody looked


for test in (company, events, broken, trust, search_path, costs_nothing):
    test()
    print("ok", test.__name__)
