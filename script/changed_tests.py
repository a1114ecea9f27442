#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which tests a change concerns: reads paths (one a line, as script/changed prints them), prints one line.

    script/changed | script/changed_tests.py              names of tests, as a pattern for ctest -R
    script/changed | script/changed_tests.py --targets    what the debug build has to build for them
    script/changed_tests.py --test                        is every file known, and every test that is named there?

The first row of ROWS that matches a path decides; a path without a row concerns everything. A library concerns the tests of
all libraries above it, and some tests on real hosts; all of these would take longer than anybody waits.
"""

import os
import re
import subprocess
import sys

ALL = [".*"]
LINT = ["lint", "lint_changed"]  # always, whatever has changed
# What each library's unit tests are, together with those of the libraries above it.
UNITS = {
    "base": "base format env tree block resource daemon export macros shell cluster lua repl",
    "format": "format tree block resource daemon export macros shell cluster lua repl",
    "env": "env tree block resource daemon export macros shell cluster lua repl",
    "tree": "tree resource daemon macros shell cluster lua repl",
    "block": "block export resource daemon cluster",
    "export": "export resource daemon cluster",
    "resource": "resource daemon cluster",
    "daemon": "daemon cluster",
    "macros": "macros shell cluster lua repl",
    "shell": "shell cluster lua repl",
    "lua": "lua repl",
    "repl": "repl",
    "sim": "cluster",
}
SIMS = ["sim_.*"]
SHELLS = ["shell_.*"]
FUZZ = ["fuzz_.*"]
DAEMON = ["e2e_handover", "e2e_handover_sanitized", "e2e_primary_crash", "e2e_secondary_crash"]
SHELL = ["e2e_bad_input", "e2e_handover"]


def units(library):
    """The unit tests of a library and of those above."""
    return [f"unit_{name}" for name in UNITS[library].split()]


ROWS = [
    (r"docs/(man/|lua)", ["unit_daemon", "unit_macros", "unit_shell", "unit_lua"]),  # these compare them with the programs
    (r"(docs/.*|README|SECURITY|LICENSE|.*\.md$|\.clang-|\.gitignore|script/(lint|bench|demo)|tests/bench/|lua/examples/)", []),
    (r"tests/unit/(\w+)/", [r"unit_\1"]),
    (r"tests/shell/(\w+_test)\.py", [r"shell_\1"]),
    (r"tests/shell/", SHELLS),
    (r"tests/sim/", units("sim") + SIMS),
    (r"tests/fuzz/(\w+)/", [r"fuzz_\1"]),
    (r"tests/fuzz/", FUZZ),
    (r"tests/golden/macros/", ["unit_macros"]),
    (r"tests/e2e/handover_test\.py", ["e2e_handover", "e2e_handover_sanitized"]),
    (r"tests/e2e/(\w+)_test\.py", [r"e2e_\1"]),
    (r"tests/e2e/testhosts/", ["e2e_harness", "e2e_systemd", *DAEMON]),
    (r"tests/e2e/(numbered_writer|rows)\.py", ["e2e_.*"]),
    (r"tests/e2e/[\w.]+\.py", []),
    (r"script/(package|install\.cmake)", ["e2e_package"]),
    (r"templates/", [*units("shell"), "e2e_systemd", "e2e_package"]),
    (r"kernel/(\w+)/.*\.(cpp|hpp|c|h)$", None),  # by the folder, see concerned()
    (r"macros/.*\.(cpp|hpp|tpl)$", [*units("macros"), *SHELLS, "fuzz_macros", "e2e_handover"]),
    (r"shell/repl/.*\.(cpp|hpp)$", [*units("repl"), *SHELLS]),
    (r"shell/systemd/.*\.(cpp|hpp)$", [*units("shell"), *SHELLS, "e2e_systemd", *SHELL]),
    (r"shell/(fleet/|ssh).*\.(cpp|hpp)$", [*units("shell"), *SHELLS, "e2e_fleet", *SHELL]),
    (r"shell/.*\.(cpp|hpp)$", [*units("shell"), *SHELLS, "sim_sanitized", *SHELL]),
    (r"lua/.*\.(cpp|hpp|lua)$", [*units("lua"), *SHELLS]),
]


def concerned(path):
    """Patterns of names of tests."""
    for pattern, tests in ROWS:
        match = re.match(pattern, path)
        if match and tests is None and match.group(1) not in UNITS:
            return ALL
        if match and tests is None:
            library = match.group(1)
            own = {"base": FUZZ, "format": FUZZ, "tree": ["fuzz_exchange", "fuzz_macros"], "export": ["e2e_device"]}
            shells = SHELLS if "shell" in UNITS[library].split() else []
            return [*units(library), *own.get(library, []), *shells, *SIMS, *DAEMON]
        if match:
            return [match.expand(test) for test in tests]
    return ALL


def targets(patterns):
    """What these tests run, of the debug build."""
    found = set()
    for pattern in patterns:
        level, _, name = pattern.partition("_")
        if pattern == ".*":
            return ["all"]
        if level == "unit" or (level == "fuzz" and name != ".*"):
            found.add(pattern)
        found.update({"fuzz": _names("tests/fuzz", "fuzz_") if name == ".*" else [], "shell": ["marsadm"],
                      "sim": ["mars-sim"], "e2e": ["marsadm", "marsd"] if name.endswith("sanitized") else []}.get(level, []))
    return sorted(found)


def _names(folder, prefix, suffix=""):
    """Names of the tests in a folder: one per folder in it, or per file that ends with `suffix`."""
    with os.scandir(folder) as entries:
        return sorted(prefix + entry.name.removesuffix(suffix) for entry in entries
                      if (entry.name.endswith(suffix) if suffix else entry.is_dir()))


def _test():
    """Every pattern that a file of the repository leads to names a test; every source file leads to some."""
    known = {"lint", "lint_changed", "sim_sanitized", "sim_seeds_1_150", "sim_seeds_151_300", "e2e_handover_sanitized",
             *_names("tests/unit", "unit_"), *_names("tests/fuzz", "fuzz_"),
             *_names("tests/shell", "shell_", ".py"), *_names("tests/e2e", "e2e_", "_test.py")}
    wrong = []
    for path in subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout.splitlines():
        patterns = concerned(path)
        wrong += [f"{path}: no test is called {pattern}; next: mend ROWS or UNITS" for pattern in patterns
                  if not any(re.fullmatch(pattern, name) for name in known)]
        if re.search(r"^(kernel|macros|shell|lua)/.*\.(cpp|hpp|c|h)$", path) and not patterns:
            wrong.append(f"{path}: concerns no test; next: mend ROWS")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def main(arguments):
    """Returns the exit code."""
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    if arguments == ["--test"]:
        return _test()
    patterns = sorted({pattern for line in sys.stdin for pattern in concerned(line.strip())} | set(LINT))
    if ".*" in patterns:
        patterns = [".*"]
    print(" ".join(targets(patterns)) if arguments == ["--targets"] else "^(" + "|".join(patterns) + ")$")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
