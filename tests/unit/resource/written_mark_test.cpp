// SPDX-License-Identifier: GPL-2.0-or-later
// What a host remembers of its writing outside of /mars.
#include "kernel/resource/written_mark.hpp"

#include <catch2/catch.hpp>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/task_group.hpp"

using namespace mars;
using namespace mars::resource;

namespace {

const format::LogPosition kAt{{4, "alpha"}, 5350400};

struct Scene {
    env::sim::World world{1};
    std::unique_ptr<env::sim::Process> process = world.add_machine("alpha", "10.0.0.1").start_process("marsd");
    WrittenMark mark{*process, "/state", "mydata"};

    bool note(WrittenMark& where, const std::string& uuid) {
        std::optional<result<void>> noted;
        auto work = [&]() -> env::task<void> {
            auto whose = uuid; // named: g++ 12 destroys temporaries of a co_await twice
            auto at = kAt;
            noted = co_await where.note(std::move(whose), std::move(at));
        };
        env::TaskGroup group(*process);
        group.spawn("note", work());
        REQUIRE(world.run_until([&] { return noted.has_value(); }, std::chrono::seconds(1)));
        return noted->has_value();
    }
};

} // namespace

TEST_CASE("a mark is read as it was noted, by the cluster that noted it") {
    Scene s;
    CHECK_FALSE(s.mark.read("u1"));
    REQUIRE(s.note(s.mark, "u1"));
    const auto found = s.mark.read("u1");
    REQUIRE(found);
    CHECK(found->at == kAt);
    CHECK_FALSE(s.mark.read("u2"));
    CHECK_FALSE(WrittenMark(*s.process, "/state", "other").read("u1"));
    s.mark.remove();
    CHECK_FALSE(s.mark.read("u1"));
}

TEST_CASE("without a directory nothing is kept") {
    Scene s;
    WrittenMark none(*s.process, "", "mydata");
    CHECK(s.note(none, "u1"));
    CHECK_FALSE(none.read("u1"));
}

TEST_CASE("a damaged mark is none") {
    Scene s;
    const auto good = Written{"u1", kAt, Stamp{1795746123, 5}}.text();
    const auto parsed = Written::parse(good);
    REQUIRE(parsed);
    CHECK(parsed->text() == good);
    for (std::string bad : {std::string(), std::string("mars-written 2\n"), good.substr(0, good.size() / 2),
                            good + "more\n", std::string("mars-written 1\nlog-1,5\n1.0\nu1\n"), std::string(100, '\0')})
        CHECK_FALSE(Written::parse(bad));
    REQUIRE(s.process->storage().make_directory("/state"));
    REQUIRE(s.process->storage().write_file("/state/written-mydata", "garbage"));
    CHECK_FALSE(s.mark.read("u1"));
}
