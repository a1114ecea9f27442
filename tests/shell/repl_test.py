# SPDX-License-Identifier: GPL-2.0-or-later
# The interactive shell on a pseudo-terminal: sessions that are files (sessions/*.txt), completion, history, Lua over
# several lines, Ctrl-C at the prompt, in a line and during a wait; scripts from files and pipes.
import glob
import os
import signal
import sys
import time

from shell_site import MARSADM, Session, Site, check, contains

HERE = os.path.dirname(os.path.abspath(__file__))


# A session file: lines after "$ " are typed, what follows is what they print; "..." stands for any text.
def golden_sessions():
    for path in sorted(glob.glob(HERE + "/sessions/*.txt")):
        with Site() as site, Session(site) as session:
            session.prompt()
            typed, expected = None, []
            for text in open(path).read().splitlines() + ["$ "]:
                if not text.startswith("$ "):
                    expected.append(text)
                    continue
                if typed is not None:
                    site.beat()
                    compare(path, typed, session.line(typed), "\n".join(expected))
                typed, expected = text[2:], []


def compare(path, typed, found, expected):
    rest = found
    pieces = expected.split("...")
    good = rest.startswith(pieces[0]) and rest.endswith(pieces[-1])
    for piece in pieces:
        at = rest.find(piece)
        good = good and at >= 0
        rest = rest[at + len(piece):]
    if not good or (len(pieces) == 1 and found != expected):
        raise AssertionError(f"{path}: {typed}\nexpected:\n{expected}\nfound:\n{found}")


def completion():
    with Site() as site, Session(site) as session:
        session.prompt()
        cases = {
            "invali\t": "invalidate ",
            "--time\t": "--timeout=",
            "pause-fetch \t": "pause-fetch ",  # r and all: nothing in common
            "use \t": "use r ",
            "view-get-pri\t": "view-get-primary ",
            "--host=\t": "--host=",
            "@al\t": "@all ",
            "@all invali\t": "@all invalidate ",
            "=mars.invali\t": "=mars.invalidate",
            "=string.forma\t": "=string.format",
            "%get-primar\t": "%get-primary{",
            "help join-res\t": "help join-resource ",
            "plugins li\t": "plugins list ",
        }
        for keys, line in cases.items():
            session.type(keys)
            session.expect(line)
            session.type("\x15")  # Ctrl-U
            session.seen = len(session.text)
        session.type("pause-fetch \t\t")
        contains(session.expect("all"), "all")
        session.type("\x03")
        session.prompt()


def history():
    with Site() as site:
        with Session(site) as session:
            session.prompt()
            check(session.line("=1 + 1"), "2")
            check(session.line("=20 * 2"), "40")
            session.type("\x10\x10\n")  # Ctrl-P
            contains(session.prompt(), "\n2\n")
            session.type("\x04")
            check(session.exit_status(), 0)
        check(open(site.home + "/.marsadm/history").read(), "=1 + 1\n=20 * 2\n=1 + 1\n")
        check(os.stat(site.home + "/.marsadm/history").st_mode & 0o777, 0o600)
        with Session(site) as session:
            session.prompt()
            session.type("\x10\n")
            contains(session.prompt(), "\n2\n")


def lua_over_several_lines():
    with Site() as site, Session(site) as session:
        session.prompt()
        check(session.line("=for i = 1, 2 do"), "")
        check(session.line("  print(i)"), "")
        check(session.line("end"), "1\n2")
        check(session.line("lua x = 42"), "")
        check(session.line("= x"), "42")
        contains(session.line("= error('broken')"), "error: ", "broken", "[lua.error]")
        session.line("=function unfinished()")
        session.type("\x03")
        session.prompt()
        check(session.line("= x"), "42")


def control_c():
    with Site() as site, Session(site) as session:
        session.prompt()
        session.type("nonsense\x03")
        contains(session.prompt(), "^C\n")
        session.type("detach r\n")
        session.expect("phase 4")
        session.type("\x03")
        contains(session.prompt(), "detach was interrupted in phase 4", "done: phases 1, 3",
                 "written, and not undone: resource-r/todo-a/attach", "[verb.interrupted]")
        check(site.get("resource-r/todo-a/attach"), "0")
        for busy in ("mars.sleep(1000)", "while true do end", "mars.sh(nil, 'touch started; sleep 1000')",
                     "coroutine.wrap(function() mars.wait(function() end, 1000) end)()"):
            site.beat()
            session.type(f"=print('runs') {busy}\n")
            session.expect("\nruns\n")  # before that, Ctrl-C might still be for the line that was typed
            while "touch" in busy and not os.path.exists(site.work + "/started"):
                time.sleep(0.01)  # the test's own time limit ends this
            session.type("\x03")
            contains(session.prompt(), "interrupted")
            check(session.line("= 1"), "1")
        session.type("watch view-get-primary r\n")
        session.expect("b\n")
        session.type("\x03")
        session.prompt()
        check(session.line("!echo one; echo two"), "one\ntwo")
        os.unlink(site.work + "/started")
        # One process from the file on: a shell that is about to start another one does so all the same after a Ctrl-C.
        session.type("!exec perl -e 'open(F, q(>), q(started)); sleep 1000'\n")
        while not os.path.exists(site.work + "/started"):
            time.sleep(0.01)
        session.type("\x03")
        contains(session.prompt(), "status 130")
        check(session.line("= 2"), "2")


# What computes in one piece hears of no Ctrl-C; who insists gets out all the same.
def control_c_unheard():
    with Site() as site, Session(site) as session:
        session.prompt()
        session.type("=print('runs') string.find(string.rep('a', 40), string.rep('a?', 40) .. string.rep('a', 40))\n")
        session.expect("\nruns\n")
        for _ in range(3):
            session.type("\x03")
            session.expect("^C")
        check(session.exit_status(), -signal.SIGINT)
    with Site() as site, Session(site) as session:
        session.prompt()
        session.type("=print('runs') string.find(string.rep('a', 40), string.rep('a?', 40) .. string.rep('a', 40))\n")
        session.expect("\nruns\n")
        os.kill(session.pid, signal.SIGTERM)
        check(session.exit_status(), -signal.SIGTERM)


def prompt_shows_health():
    with Site() as site, Session(site) as session:
        contains(session.prompt(), "a ok> ")
        site.set("actual-a/alive", "0")
        session.type("\n")
        contains(session.prompt(), "a no marsd> ")
        site.beat()
        site.set("resource-r/todo-a/attach", "0")
        site.set("resource-r/actual-a/is-attached", "0")
        session.type("\n")
        contains(session.prompt(), "a r Detached> ")


def scripts():
    with Site() as site:
        script = site.write("work/script", "# a comment\n\n=x = 5\n= x +\n  1\n%{res} on %{host}\npause-fetch r\n")
        status, out, err = site.marsadm("shell", script)
        check((status, err), (0, ""))
        check(out.splitlines()[:2], ["6", "r on a"])
        check(site.get("resource-r/todo-a/connect"), "0")
        status, out, err = site.marsadm("shell", stdin="= 1\n\nnonsense\n= 2\n")
        check((status, out), (2, "1\n"))
        contains(err, "[usage.verb]", "stopped at stdin:3 with status 2")
        status, out, err = site.marsadm("shell", "-", stdin="= 1\n=error('x')\n")
        check((status, out), (1, "1\n"))
        contains(err, "stdin:2: ", "[lua.error]")
        status, _, err = site.marsadm("shell", stdin="=for i = 1, 2 do\n")
        check(status, 2)
        contains(err, "stdin:1: ", "the end of Lua is missing")
        check(site.marsadm("shell", stdin="=os.exit(7)\n= 1\n")[:2], (7, ""))
        check(site.marsadm("shell", stdin="exit\n= 1\n")[:2], (0, ""))
        check(site.marsadm("shell", stdin="!exit 3\n")[0], 3)
        status, _, err = site.marsadm("shell", "/no/such/file")
        check(status, 4)


def session_options_last():
    with Site() as site, Session(site) as session:
        session.prompt()
        check(session.line("--verbose=1"), "")
        contains(session.line("pause-fetch r"), "setting", "todo-a/connect = 0")
        check(session.line("--verbose=0"), "")
        contains(session.line("--nonsense"), "[usage.option]")


def lines_for_other_hosts():
    with Site() as site, Session(site, PATH=os.path.dirname(os.path.abspath(MARSADM)) + ":" + os.environ["PATH"]) as session:
        session.prompt()
        contains(session.line("@a view-get-primary r"), "a: b")
        site.beat()
        contains(session.line("@nohost.invalid version"), "nohost.invalid", "[remote.ssh]")
        check(session.line("= 1"), "1")


def long_answers_are_paged():
    with Site() as site, Session(site, PAGER="sed s/^/PAGED:/") as session:
        session.prompt()
        contains(session.line("help"), "PAGED:")
        check(session.line("= 1"), "1")


for test in (golden_sessions, completion, history, lua_over_several_lines, control_c, control_c_unheard, prompt_shows_health, scripts,
             session_options_last,
             lines_for_other_hosts, long_answers_are_paged):
    if len(sys.argv) > 1 and test.__name__ not in sys.argv[1:]:
        continue
    test()
    print("ok", test.__name__)
