# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the test functions of one file: main(globals()).

A test is a function test_…(state) that runs isolated, or, marked @outside, test_…() that runs as it is. It passes when it
returns, fails when it raises. Arguments of the program: names of tests to run (default: all), in the file's order.
What the hosts of a failed test have to say is kept below build/e2e-artifacts/TEST ($MARS_E2E_ARTIFACTS moves it).
"""

import os
import sys
import time
import traceback

from .isolation import SKIP, run_isolated

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


def outside(function):
    """Marks a test that is not to run in namespaces of its own."""
    function.runs_outside = True
    return function


def artifacts_dir(program, test):
    base = os.environ.get("MARS_E2E_ARTIFACTS", os.path.join(REPOSITORY, "build/e2e-artifacts"))
    return os.path.join(base, program, test)


def main(namespace):
    """Runs the tests and ends the program: exit code 0 = all passed, 1 = some failed, 77 = all skipped."""
    tests = {name: function for name, function in namespace.items() if name.startswith("test_") and callable(function)}
    wanted = sys.argv[1:] or list(tests)
    unknown = [name for name in wanted if name not in tests]
    if unknown:
        print(f"no test {', '.join(unknown)}; there are: {', '.join(tests)}", file=sys.stderr)
        sys.exit(2)
    codes = [_run(name, tests[name]) for name in wanted]
    failed = sum(code not in (0, SKIP) for code in codes)
    skipped = codes.count(SKIP)
    print(f"{len(codes) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else SKIP if skipped == len(codes) else 0)


def _run(name, function):
    print(f"== {name[5:].replace('_', ' ')}", flush=True)
    started = time.monotonic()
    plain = getattr(function, "runs_outside", False)
    code = _call(name, function) if plain else run_isolated(lambda state: _call(name, function, state))
    verdict = {0: "ok", SKIP: "skipped"}.get(code, f"FAILED (exit code {code})")
    print(f"   {verdict}, {time.monotonic() - started:.1f} s", flush=True)
    return code


def _call(name, function, *arguments):
    program = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    for state in arguments:
        state.artifacts = artifacts_dir(program, name[5:])
    try:
        function(*arguments)
        return 0
    except Skip as reason:
        print(f"   skipped: {reason}")
        return SKIP
    except Exception:  # pylint: disable=broad-except  # whatever it is, it is this test's failure
        traceback.print_exc()
        for state in arguments:
            if os.path.isdir(state.artifacts):
                print(f"   what the hosts said is in {state.artifacts}")
        return 1
