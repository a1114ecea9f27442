#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds what g++ 12 destroys twice: aggregates and lambdas that own something, made in a statement with co_await.

    script/lint_coroutines.py FILE...    prints FILE:LINE: what and what to do; exit code 1 if there was any
    script/lint_coroutines.py --test     the rule against the samples below

It reads text, not C++: a brace right behind a name, a bracket, "(" or "," begins a value (clang-format sees to that), a lambda
that captures by reference alone owns nothing, and neither does {}.
"""

import re
import sys

_HIDDEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
_LAMBDA = re.compile(r"(?<![\w\])>])\s*\[([^\[\]]*)\]\s*(?=[({]|mutable|noexcept|->|<)")
_OWNER = re.compile(r"\s*(?:=|\*this|\w+(?:\s*=|\s*$))")

_GOOD = ("co_await f({});", "auto x = co_await f(T{}, [] { return T{1}; });", "co_await f([&] { g(T{a}); });", "g(T{a});",
         "if (co_await f()) { T x{a}; }", "struct T { task<void> run() { x = co_await f(); } };", "co_await f([this] { go(); });",
         'co_await f("T{a}"); // T{a}', "for (auto i : {1, 2}) { co_await f(i); }", "co_await f(a[i], b[j]({}));")
_BAD = ("co_await f(T{a});", "co_await f({.a = 1});", "co_await f({a, b});", "auto x = co_await f(g(), std::vector<T>{a});",
        "co_await f([x] { return x; });", "co_await f([=] { return x; });", "co_await f([&, x = std::move(y)] { go(x); });",
        "g(T{a}, co_await f());", "co_return T{co_await f()};", "MARS_CO_TRY(auto x, co_await f(T{a}));",
        "co_await [x]() -> task<void> { co_await f(); }();")


def _blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def _is_value(text, brace):
    """Does this { begin a value, and not a block or a body?"""
    before = text[:brace]
    if before.endswith((" ", "\n")):
        return before.rstrip()[-1:] in ("(", ",", "=") or before.rstrip().endswith("return")
    return bool(re.search(r"[\w>(,\]]$", before))


def _pair(text, at):
    """Where the bracket at `at` is closed."""
    depth = 0
    for end in range(at, len(text)):
        depth += text[end] in "([{"
        depth -= text[end] in ")]}"
        if depth == 0:
            return end
    return len(text) - 1


def _begin(text, at):
    """Where the statement with the co_await at `at` begins: behind the last ; or block."""
    while at > 0:
        if text[at - 1] == ";" or (text[at - 1] == "{" and not _is_value(text, at - 1)):
            return at
        if text[at - 1] == "}":
            depth, open_ = 0, at
            while open_ > 0:
                open_ -= 1
                depth += text[open_] in "}"
                depth -= text[open_] in "{"
                if depth == 0:
                    break
            if not _is_value(text, open_) and text[at:at + 1] not in ("(", ")", ","):
                return at
            at = open_
            continue
        at -= 1
    return 0


def _findings(text, start):
    """Offsets of owning values in the statement that begins at `start`; bodies of lambdas are statements of their own."""
    at = start
    while at < len(text) and text[at] not in ";":
        lambda_ = _LAMBDA.match(text, at)
        if lambda_:
            if any(_OWNER.match(part) for part in lambda_.group(1).split(",")) and lambda_.group(1).strip() != "this":
                yield lambda_.start(1)
            body = text.find("{", lambda_.end())
            at = _pair(text, body) + 1
            continue
        if text[at] == "{":
            if not _is_value(text, at):
                return
            if text[at + 1:_pair(text, at)].strip():
                yield at
        at += 1


def problems(text):
    """Lines of `text` that break the rule, in order."""
    text = _HIDDEN.sub(_blank, text)
    found = {offset for match in re.finditer(r"\bco_await\b", text)
             for offset in _findings(text, _begin(text, match.start()))}
    return sorted({text.count("\n", 0, offset) + 1 for offset in found})


def _test():
    wrong = [f"found something in: {sample}" for sample in _GOOD if problems(sample)]
    wrong += [f"found nothing in: {sample}" for sample in _BAD if not problems(sample)]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def main(arguments):
    """Returns the exit code."""
    if arguments == ["--test"]:
        return _test()
    count = 0
    for path in arguments:
        with open(path, encoding="utf-8") as file:
            for line in problems(file.read()):
                count += 1
                print(f"{path}:{line}: a value that owns something is made in a statement with co_await, and g++ 12 "
                      "destroys it twice; next: name it first, then std::move it in")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
