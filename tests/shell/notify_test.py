# SPDX-License-Identifier: GPL-2.0-or-later
# The shipped plugin notify: a change of state becomes a mail (a stub of sendmail), a POST (an HTTP server here) and a
# line of syslog (a socket here); verbs that fail too; what cannot be delivered is only a warning.
import http.server
import itertools
import json
import os
import queue
import shutil
import socket
import subprocess
import threading
import time

from shell_site import DEADLINE, SOURCE, Site, skip, check, contains


class Hook(http.server.BaseHTTPRequestHandler):
    seen = []
    answer = 200

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Hook.seen.append((dict(self.headers), json.loads(body)))
        self.send_response(Hook.answer)
        self.end_headers()

    def log_message(self, *_):
        pass


def wait_until(condition, what):
    until = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > until:
            raise AssertionError("did not happen: " + what)
        time.sleep(0.02)


for program in ("curl", "logger"):
    if not shutil.which(program):
        skip("no " + program)

with Site() as site:
    shutil.copytree(SOURCE + "/lua/plugins/notify", site.etc + "/plugins/notify")
    subprocess.run(["chown", "-R", "0:0", site.etc + "/plugins"], check=True)
    subprocess.run(["chmod", "-R", "go-w", site.etc + "/plugins"], check=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(site.path("log"))
    logged = queue.Queue()  # read at once: logger waits while the socket is full, after ten lines
    threading.Thread(target=lambda: [logged.put(log.recv(4096)) for _ in itertools.count()], daemon=True).start()
    mails = site.path("mails")
    os.mkdir(mails)
    sendmail = site.write("sendmail", f'#!/bin/sh\ncat > "{mails}/tmp.$$" && mv "{mails}/tmp.$$" "{mails}/$*.$$"\n', 0o755)
    settings = (f"notify.channels = syslog mail webhook\nnotify.sendmail = {sendmail}\nnotify.mail-to = ops@example.com\n"
                f"notify.webhook-url = http://127.0.0.1:{server.server_port}/hook\n"
                f"notify.webhook-header = Authorization: Bearer \"s3cret\\\nnotify.syslog-socket = {site.path('log')}\n")
    site.write("etc/marsadm.conf", settings)

    check(site.marsadm("plugins", "check")[0], 0)
    check(site.marsadm("notify-test"), (0, "sent: mail syslog webhook\n", ""))
    contains(logged.get(timeout=DEADLINE).decode(), "mars-notify", "host a: notify.test")
    headers, body = Hook.seen.pop()
    check(headers["Authorization"], 'Bearer "s3cret\\')
    check((body["sender"], body["event"], body["host"]), ("a", "notify.test", "a"))
    (mail,) = os.listdir(mails)
    check(mail.split(".")[0], "-t -i")
    text = open(os.path.join(mails, mail)).read()
    contains(text, "To: ops@example.com\n", "Subject: [mars a] host a: ")
    os.unlink(os.path.join(mails, mail))

    # A change of state, seen by the service.
    site.beat()
    watch = subprocess.Popen(site.command("watch-state", "--window=1000"), cwd=site.work, env=site.environment(),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        primaries = ["b", "a"]

        def change():
            # The first picture may come after the first change, so it goes to and fro until one is told.
            primaries.reverse()
            site.set("resource-r/primary", primaries[0])
            time.sleep(1)
            return any(b["event"] == "state.primary" for _, b in Hook.seen)
        wait_until(change, "the POST of a change")
        body = next(b for _, b in Hook.seen if b["event"] == "state.primary")
        check(body["resource"], "r")
        check({body["old"], body["new"]}, {"a", "b"})
        wait_until(lambda: any("resource r" in open(os.path.join(mails, m)).read() for m in os.listdir(mails)
                               if not m.startswith("tmp")), "the mail of a change")
        lines = ""
        while "primary is now" not in lines:
            lines += logged.get(timeout=DEADLINE).decode()
        site.set("resource-r/todo-a/attach", "0")
        site.set("resource-r/actual-a/is-attached", "0")
        wait_until(lambda: any(b["event"] == "state.diskstate" and b["host"] == "a" and b["new"] == "Detached"
                               for _, b in Hook.seen), "the POST of a detached disk")
        site.set("resource-r/primary", "(none)")
        site.set("resource-r/userspace/handover-b", "b,5,abandoned")
        wait_until(lambda: any(b["event"] == "state.handover" and b["new"] == "HandoverUnfinished"
                               and b["text"].endswith("handover is now HandoverUnfinished, was none")
                               for _, b in Hook.seen), "the POST of an unfinished handover")
    finally:
        watch.terminate()
        check(watch.wait(DEADLINE), 0)

    # A verb that fails is told; a channel that does not work is a warning and changes nothing.
    Hook.seen.clear()
    status, _, err = site.marsadm("leave-resource", "r", "--timeout=0")
    assert status != 0, "leaving needs more than this"
    assert any(b["event"] == "leave-resource.failed" and b["reason"] for _, b in Hook.seen), Hook.seen
    Hook.answer = 500
    status, _, err = site.marsadm("notify-test")
    check(status, 1)
    contains(err, "webhook: curl ended with status 22", "[plugin.failed]")
    status, _, err = site.marsadm("notify-test", MARS_NOTIFY_CHANNELS="pigeon")
    contains(err, "pigeon: there is no such channel")
    check(site.marsadm("notify-test", MARS_NOTIFY_CHANNELS="syslog"), (0, "sent: syslog\n", ""))
    check(site.marsadm("notify-test", MARS_NOTIFY_CHANNELS=" ")[1], "no channel is set (notify.channels)\n")
    server.shutdown()
print("ok")
