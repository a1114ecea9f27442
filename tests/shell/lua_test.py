# SPDX-License-Identifier: GPL-2.0-or-later
# Programs in Lua from the command line: files with arguments, -e, status, errors with file and line, modules.
from shell_site import Site, check, contains


with Site() as site:
    check(site.marsadm("-e", "return 6 * 7"), (0, "42\n", ""))
    check(site.marsadm("-e", "mars.host()"), (0, "a\n", ""))
    check(site.marsadm("-e", "print(#arg, arg[2])", "x", "--force"), (0, "2\t--force\n", ""))
    check(site.marsadm("-e", "os.exit(9)")[0], 9)
    status, _, err = site.marsadm("-e", "error('bad')")
    check(status, 1)
    contains(err, "(-e):1: bad", "stack traceback:", "[lua.error]")
    status, _, err = site.marsadm("-e", "x = = 1")
    check(status, 1)
    contains(err, "(-e):1: unexpected symbol")

    program = site.write("work/lib/program.lua",
                         "#!/usr/bin/env -S marsadm lua\n"
                         "local helper = require('helper')\n"
                         "print(helper.twice(arg[1]), ...)\n"
                         "local done, why, reason = mars.pause_fetch('r', {timeout = 5})\n"
                         "print(done.exit, mars.key('resource-r/todo-a/connect'))\n"
                         "if arg[2] then error('in the program') end\n")
    site.write("work/lib/helper.lua", "return {twice = function(text) return text .. text end}\n")
    status, out, err = site.marsadm("lua", program, "ab")
    check((status, err), (0, ""))
    check(out.splitlines()[0], "abab\tab")
    contains(out.splitlines()[1], "0\t0\t")
    status, _, err = site.marsadm("lua", program, "ab", "--verbose")
    check(status, 1)
    contains(err, program + ":6: in the program", "stack traceback:")
    status, _, err = site.marsadm("lua", site.work + "/missing.lua")
    check(status, 4)
    contains(err, "missing.lua")
    status, _, err = site.marsadm("lua")
    check(status, 2)

    # The library of a shell script: errors are values, and commands stream.
    check(site.marsadm("-e", "local n = 0\n"
                             "local r = mars.sh(nil, 'for i in 1 2 3; do echo $i; sleep 0.01; done', "
                             "{on_stdout = function(s) n = n + #s end})\n"
                             "print(n, r.status, #r.stdout)"), (0, "6\t0\t6\n", ""))
print("ok")
