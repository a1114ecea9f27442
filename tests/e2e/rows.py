# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of PostgreSQL that writes rows over the network, wherever the database is, and remembers what was acknowledged.

rows.py FILE HOST…: asks the hosts in turn, and appends to FILE one line for each row that the database has acknowledged:
NUMBER TIME HOST. A row without an answer is tried again under the same number until somebody acknowledges it. Runs on
any machine that reaches the hosts; ends at SIGTERM. psql speaks the protocol.
"""

import subprocess
import sys
import time

_PSQL = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres"]


class Session:
    """One connection. insert() returns True when the row was acknowledged; raises OSError when the session is dead."""

    def __init__(self, host):
        self._psql = subprocess.Popen([*_PSQL, "-h", host], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True,
                                      env={"PATH": "/usr/bin:/bin", "PGCONNECT_TIMEOUT": "1"})

    def insert(self, number):
        self._psql.stdin.write(f"INSERT INTO rows VALUES ({number}) ON CONFLICT DO NOTHING;\n\\echo ok {number}\n")
        self._psql.stdin.flush()
        if self._psql.stdout.readline() != f"ok {number}\n":
            raise OSError("no answer")

    def close(self):
        self._psql.kill()
        self._psql.wait()


def main(path, hosts):
    number, session, turn = 1, None, 0
    with open(path, "a", encoding="ascii", buffering=1) as file:
        while True:
            host = hosts[turn % len(hosts)]
            try:
                session = session or Session(host)
                session.insert(number)
                file.write(f"{number} {time.time():.3f} {host}\n")
                number += 1
            except OSError:
                session.close()
                session, turn = None, turn + 1
                time.sleep(0.02)  # not to ask hosts without a database in a tight loop


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
