// SPDX-License-Identifier: GPL-2.0-or-later
// LogFile: a log begins empty, under a durable name, and nothing that exists is ever overwritten.
#include "kernel/block/log_file.hpp"

#include "tests/unit/block/rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::test;
using block::LogFile;

namespace {

const format::LogName kName{7, "alpha"};
const std::string kPath = "/mars/resource-r/log-000000007-alpha";

task<void> create(Rig& rig, std::optional<result<LogFile>>& out) {
    auto made = co_await LogFile::create(*rig.env, "/mars/resource-r", kName);
    out.emplace(std::move(made));
}

result<LogFile> create_now(Rig& rig) {
    std::optional<result<LogFile>> made;
    rig.run(create(rig, made));
    return *std::move(made);
}

struct LogRig : Rig {
    LogRig() : Rig(1) { REQUIRE(env->storage().make_directory("/mars/resource-r")); }
    ~LogRig() { halt(); }
};

} // namespace

TEST_CASE("a fresh log survives a power cut, with what was synced") {
    LogRig rig;
    auto log = create_now(rig);
    REQUIRE(log);
    CHECK(log->path() == kPath);
    auto data = random_bytes(rig.random(), 1000);
    auto append = [&]() -> task<void> {
        auto first = co_await log->append(std::span(data).first(300));
        REQUIRE(first);
        auto second = co_await log->append(std::span(data).subspan(300));
        REQUIRE(second);
        auto synced = co_await log->sync();
        REQUIRE(synced);
    };
    rig.run(append());
    CHECK(log->end() == 1000);
    rig.machine.power_cut();
    REQUIRE(rig.machine.filesystem().contents(kPath));
    CHECK(*rig.machine.filesystem().contents(kPath) == data);
}

TEST_CASE("a log replaces a deleted mark, takes an empty log, and refuses anything else") {
    LogRig rig;
    auto& storage = rig.env->storage();
    REQUIRE(storage.write_symlink(kPath, kPath + ".tmp", ".deleted", Stamp{1, 0}));
    REQUIRE(create_now(rig));
    CHECK(storage.status(kPath)->kind == FileKind::regular);
    REQUIRE(create_now(rig)); // empty: taken again

    REQUIRE(storage.write_file(kPath, "content"));
    auto full = create_now(rig);
    REQUIRE_FALSE(full);
    CHECK(full.error().is(std::errc::file_exists));
    CHECK(full.error().text ==
          "log " + kPath + ": expected nothing, or an empty log, found 7 bytes; use the next number");
    CHECK(*storage.read_file(kPath, 100) == "content");

    REQUIRE(storage.remove(kPath));
    REQUIRE(storage.write_symlink(kPath, kPath + ".tmp", "elsewhere", Stamp{1, 0}));
    auto link = create_now(rig);
    REQUIRE_FALSE(link);
    CHECK(storage.read_symlink(kPath)->value == "elsewhere");
}
