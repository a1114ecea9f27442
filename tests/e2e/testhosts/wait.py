# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting on conditions with a deadline. No test of ours waits for time to pass."""

import time


class Timeout(AssertionError):
    """A condition did not become true in time. The text tells what was expected and what was seen last."""


def wait_for(what, condition, timeout=60.0, interval=0.05):
    """Calls `condition` until its result is true, and returns that result.

    what: text for the failure, e.g. "hostB: mydata is UpToDate". condition: returns a true value, or a false one, or
    raises AssertionError to tell what it saw. timeout: seconds. interval: seconds between looks, grows up to tenfold.
    """
    deadline = time.monotonic() + timeout
    pause = interval
    while True:
        seen = ""
        try:
            result = condition()
            if result:
                return result
            seen = repr(result)
        except AssertionError as error:
            seen = str(error)
        if time.monotonic() >= deadline:
            raise Timeout(f"waited {timeout:g} s for: {what}; last seen: {seen}")
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 1.3, interval * 10)
