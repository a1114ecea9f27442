// SPDX-License-Identifier: GPL-2.0-or-later
// Waiting inside Lua: in coroutines, through pcall, side by side; limits of memory and of patience; errors.
#include "shell/verbs/verb_table.hpp"
#include "tests/unit/lua/fixture.hpp"

using namespace mars;
using namespace mars::lua;
using namespace mars::lua::testing;

TEST_CASE("a program may wait inside its own coroutines, and inside pcall") {
    LuaSite site;
    CHECK(site.prints("local co = coroutine.wrap(function(x)\n"
                      "  mars.sleep(1)\n"
                      "  local y = coroutine.yield(x + 1)\n"
                      "  mars.sleep(1)\n"
                      "  return y * 2\n"
                      "end)\n"
                      "print(co(1), co(21))\n"
                      "print(pcall(function() mars.sleep(1) error('later', 0) end))\n"
                      "print(coroutine.resume(coroutine.create(function() mars.sleep(1) error({}) end)))") != "");
    auto text = site.output.text(Severity::answer);
    CHECK(text.starts_with("2\t42\nfalse\tlater\nfalse\ttable: "));
}

TEST_CASE("coroutines inside coroutines may wait, and an error in one keeps its place") {
    LuaSite site;
    CHECK(site.prints("local function deep(n)\n"
                      "  if n == 0 then mars.sleep(1) return 'bottom' end\n"
                      "  return coroutine.wrap(deep)(n - 1)\n"
                      "end\n"
                      "print(deep(20))") == "bottom");
    CHECK(site.fails("coroutine.wrap(function() mars.sleep(1) local x = nil; x() end)()").find("test:1:") !=
          std::string::npos);
}

TEST_CASE("while one waits the others run") {
    LuaSite site;
    auto start = site.world.now();
    CHECK(site.prints("local order = {}\n"
                      "local done = mars.each({'3', '1', '2'}, function(name)\n"
                      "  mars.sleep(tonumber(name) * 100)\n"
                      "  order[#order + 1] = name\n"
                      "end)\n"
                      "print(table.concat(order, ' '), done['1'])") == "1 2 3\ttrue");
    CHECK(site.world.now() - start < 310s);
}

TEST_CASE("mars.each bounds how many run, and collects failures by name") {
    LuaSite site;
    CHECK(site.prints("local now, most = 0, 0\n"
                      "local good, bad = mars.each({'a', 'b', 'c', 'd', 'e'}, function(name)\n"
                      "  now = now + 1; most = math.max(most, now)\n"
                      "  mars.sleep(1)\n"
                      "  now = now - 1\n"
                      "  if name == 'b' then return nil, 'no b' end\n"
                      "  if name == 'c' then error('no c', 0) end\n"
                      "  return name .. name\n"
                      "end, {parallel = 2})\n"
                      "print(most, good.a, good.e, good.b, bad.b, bad.c:match('^[^\\n]*'))") ==
          "2\taa\tee\tnil\tno b\tno c");
}

TEST_CASE("a busy program gives way to others") {
    LuaSite site;
    CHECK(site.prints("local stop = false\n"
                      "mars.each({'busy', 'other'}, function(name)\n"
                      "  if name == 'other' then stop = true return end\n"
                      "  while not stop do end\n"
                      "end)\n"
                      "local co = coroutine.wrap(function() for i = 1, 1e6 do end return 'through' end)\n"
                      "print(co())") == "through");
}

TEST_CASE("memory is limited, and the program can catch that") {
    LuaSite site;
    MachineLimits small;
    small.memory_bytes = 4 << 20;
    CHECK(site.fails("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", small)
              .starts_with("not enough memory: the limit is 4 MiB"));
    auto ended = site.lua("print(pcall(function() return ('x'):rep(1 << 24) end))", small);
    REQUIRE(ended);
    CHECK(site.output.text(Severity::answer) == "false\tnot enough memory\n");
}

TEST_CASE("where a program cannot wait it says so instead of hanging") {
    LuaSite site;
    CHECK(site.fails("table.sort({3, 2, 1}, function() mars.sleep(1) end)").find("not possible to wait here") !=
          std::string::npos);
    CHECK(site.fails("coroutine.yield(1)").find("coroutine.yield outside of a coroutine") != std::string::npos);
}

TEST_CASE("os.exit ends the program in order with its status") {
    LuaSite site;
    auto ended = site.lua("local guard <close> = setmetatable({}, {__close = function() print('closed') end})\n"
                          "pcall(function() os.exit(3) end)\nprint('never')");
    REQUIRE(ended);
    CHECK(*ended == 3);
    CHECK(site.output.text(Severity::answer) == "closed\n");
}

TEST_CASE("an error tells file, line and traceback") {
    LuaSite site;
    auto text = site.fails(
        "local function inner()\n  error('broken')\nend\nlocal function outer()\n  inner() print(1)\nend\nouter()");
    CHECK(text.starts_with("test:2: broken\nstack traceback:"));
    CHECK(text.find("test:5: in upvalue 'inner'") == std::string::npos);
    CHECK(text.find("test:5: in") != std::string::npos);
    CHECK(site.fails("x = = 1").starts_with("test:1: unexpected symbol"));
    CHECK(site.fails("error({})").starts_with("table: "));
}

TEST_CASE("a cancelled program stops where it waits, and where it is busy") {
    for (const char* code :
         {"mars.sleep(1e6)", "while true do end", "coroutine.wrap(function() while true do end end)()",
          "mars.each({'a', 'b'}, function() mars.sleep(1e6) end)", "mars.wait(function() return false end, 1e6)"}) {
        INFO(code);
        LuaSite site;
        auto process = site.machine.start_process("marsadm");
        shell::Surroundings surroundings{*process, site.local, site.remote, site.output, {}};
        surroundings.verbs = &shell::built_in_verbs();
        bool came_back = false;
        auto program = [&]() -> env::task<void> {
            Interpreter interpreter(surroundings, shell::Options());
            (void)co_await interpreter.run_code(code, "=test");
            came_back = true;
        };
        env::TaskGroup group(*process);
        group.spawn("lua", program());
        site.world.after(10s, [&] { group.cancel(); });
        if (std::string_view(code).find("while") != std::string_view::npos) group.cancel();
        REQUIRE(site.world.run_until([&] { return group.live() == 0; }, 1h));
        CHECK_FALSE(came_back);
    }
}
