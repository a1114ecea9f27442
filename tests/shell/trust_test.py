# SPDX-License-Identifier: GPL-2.0-or-later
# What a stranger on the machine may put where root works, so that root's marsadm takes it for its own: nothing of it is
# used, and one warning says why. The rule itself: tests/unit/shell/trust_test.cpp.
import os
import shutil

from shell_site import Session, Site, check, contains

MALLORY = 12345
EVIL = "userspace/evil"
WRITES = "x%setlink{1}{/mars/" + EVIL + "}"
MANIFEST = 'return {name="evil", version="1", verbs={["evil-verb"]={summary="x", run="x"}}, hooks={["*"]="x"}}'
# Where, content, mode, and what root types then. `{t}` is touched by what runs.
TOUCH = "#!/bin/sh\ntouch {t}\n"
KINDS = (
    ("default.tpl", WRITES, 0o644, ("view", "r")),
    ("default-header.tpl", WRITES, 0o644, ("view", "all")),
    ("evil.tpl", WRITES, 0o644, ("macro", "run", "evil")),
    ("diskstate.tpl", "Faked", 0o644, ("view-diskstate", "r")),
    ("systemd-templates/evil.service", "# ALWAYS_START\n[Service]\nExecStart=/bin/touch {t}\n", 0o644,
     ("templates", "list")),
    ("systemd-templates/vol-@escvar{{res}}.mount", "[Mount]\nWhat=/dev/evil\nWhere=/evil\n", 0o644,
     ("templates", "list")),
    ("plugins/evil/plugin.lua", MANIFEST, 0o644, ("plugins", "list")),
    ("hook-pre-pause-fetch", TOUCH, 0o755, ("pause-fetch", "r")),
    ("hook-post.d/evil", TOUCH, 0o755, ("pause-fetch", "r")),
    ("hook-all-pre", TOUCH, 0o755, ("pause-fetch", "all")),
    ("marsadm.conf", "timeout = nonsense\n", 0o644, ("view-get-primary", "r")),
    ("evil_module.lua", "io.open('{t}', 'w'):close()\n", 0o644, ("-e", "pcall(require, 'evil_module')")),
)


def give_away(place):
    os.lchown(place, MALLORY, MALLORY)
    for above, folders, files in os.walk(place):
        for name in folders + files:
            os.lchown(os.path.join(above, name), MALLORY, MALLORY)


# Puts a file of this kind below `folder`; the whole path.
def put(site, folder, kind):
    name, text, mode, _ = kind
    touched = site.path("touched")
    text = text.replace("{t}", touched)
    return site.write(os.path.join(folder, name.replace("{{", "{").replace("}}", "}")), text, mode)


def is_harmless(site, kind, **environment):
    status, out, err = site.marsadm(*kind[3], **environment)
    check(site.get(EVIL), None)
    check(os.path.exists(site.path("touched")), False)
    for word in ("Faked", "evil.service", "evil 1 (", "./systemd-templates", site.directory + "/"):
        if word in out and "NOT USED" not in out:
            raise AssertionError(f"{kind[0]} was used: {out!r}, status {status}")
    if "nonsense" in err:
        raise AssertionError(f"{kind[0]} was used: {err!r}")
    return err


# Root works in a folder of Mallory's.
def working_directory():
    with Site() as site:
        for kind in KINDS:
            put(site, "work", kind)
            give_away(site.work)
            err = is_harmless(site, kind)
            check("work" in err.replace("no working", ""), False)  # nobody looked there
            if kind[0] not in ("marsadm.conf", "evil_module.lua"):
                err = is_harmless(site, kind, MARS_PATH="." + ":" + site.etc)
                contains(err, "is not used: " + site.work + " belongs to user 12345", "next: move what")
                check(err.count("is not used"), 1)
            shutil.rmtree(site.work)
            os.mkdir(site.work, 0o755)


# sudo that keeps HOME.
def home():
    for kind in KINDS:
        if kind[0] in ("marsadm.conf", "evil_module.lua"):
            continue
        with Site() as site:
            put(site, "home/.marsadm", kind)
            os.chown(site.home, MALLORY, MALLORY)
            give_away(site.home + "/.marsadm")
            err = is_harmless(site, kind)
            contains(err, "is not used: " + site.home + " belongs to user 12345", "expected: owner root")
            check(err.count("is not used"), 1)


# /etc/marsadm leads to Mallory, or he may write there.
def links_and_modes():
    for kind in KINDS:
        if kind[0] == "evil_module.lua":
            continue
        with Site() as site:
            target = put(site, "home", kind)
            give_away(site.home)
            name = os.path.relpath(target, site.home)
            place = os.path.join(site.etc, name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if name.startswith("plugins/"):
                os.rmdir(os.path.dirname(place))
                os.symlink(os.path.dirname(target), os.path.dirname(place))
            else:
                os.symlink(target, place)
            is_harmless(site, kind)
        with Site() as site:
            place = put(site, "etc", kind)
            os.chmod(place, os.stat(place).st_mode | 0o020)
            err = is_harmless(site, kind)
            contains(err, " is not used: " + place + " may be changed by its group", "mode 0", "next: chmod go-w")
            check(err.count("is not used"), 1)


def asked_for():
    with Site() as site:
        site.write("work/mine.tpl", "mine\n")
        check(site.marsadm("view-mine", "r")[0], 1)
        for words in (("--path=.", "view-mine", "r"), ("view-mine", "r", "--path=" + site.work),
                      ("--path=/nowhere:" + site.work, "view-mine", "r")):
            check(site.marsadm(*words), (0, "mine\n", ""))
        check(site.marsadm("view-mine", "r", MARS_PATH=".")[:2], (0, "mine\n"))
        contains(site.marsadm("--path", "view-mine", "r")[2], "expected a list of directories")
        contains(site.marsadm("shell", stdin="view-mine r --path=.\n")[2], "counts when marsadm starts")
        check(site.marsadm("-e", "print(arg[1])", "--path=.")[1], "--path=.\n")  # the program's


# The history of the shell is a file that root would write; its keys may be bound to commands.
def terminal():
    with Site() as site:
        precious = site.write("precious", "precious\n", 0o600)
        os.mkdir(site.home + "/.marsadm")
        os.symlink(precious, site.home + "/.marsadm/history")
        bound = site.write("home/.inputrc", '"x": "=6 * 7\\n"\n')
        give_away(site.home)
        with Session(site, INPUTRC=bound) as session:
            contains(session.prompt(), "the file of key bindings " + bound + " is not used: ", "belongs to user 12345")
            check(session.line("=1 + 1 --x"), "2")  # x is an x
            session.type("\x04")
            check(session.exit_status(), 0)
        with open(precious, encoding="utf-8") as file:
            check(file.read(), "precious\n")


for test in (working_directory, home, links_and_modes, asked_for, terminal):
    test()
    print("ok", test.__name__)
