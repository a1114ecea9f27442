// SPDX-License-Identifier: GPL-2.0-or-later
// Logs with compressed records, from the write to the replica.
#include "kernel/format/log_scan.hpp"
#include "tests/unit/cluster/fixture.hpp"

using namespace mars;
using namespace mars::test;

namespace {

std::size_t compressed_records(sim::Node& node, const std::string& log) {
    const auto& bytes = *node.machine.filesystem().contents(path_of(log));
    std::size_t count = 0;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto step = format::scan_record(std::span(bytes).subspan(at), at, 0, {});
        if (!step.record) break;
        count += step.record->decompressed ? 1 : 0;
        at = static_cast<std::size_t>(step.record->end);
    }
    return count;
}

} // namespace

TEST_CASE("a compression that all hosts know is used, also after a crash") {
    for (const std::string kind : {"COMPRESS_LZO", "COMPRESS_LZ4", "COMPRESS_ZLIB", "COMPRESS_ZSTD"}) {
        INFO(kind);
        Situation s;
        auto& primary = s.host(0);
        CHECK(compressed_records(primary, "log-000000001-hosta") == 0);
        REQUIRE(s.run_verb(primary, {"set-global-enabled-log-compressions", kind}).exit == 0);
        REQUIRE(s.eventually([&] { return s.cluster.link(primary, "/mars/actual-hosta/used-log-compression") != "0"; },
                             10min));
        s.start_application(primary);
        const auto before = s.history().acknowledged();
        REQUIRE(s.eventually([&] { return s.history().acknowledged() > before + 100; }));
        CHECK(compressed_records(primary, "log-000000001-hosta") > 50);
        s.cluster.power_cut(primary);
        s.cluster.boot(primary);
        REQUIRE(s.eventually([&] { return !s.hosts_with_device().empty(); }));
        CHECK(s.rest());
        CHECK(compressed_records(s.host(1), "log-000000001-hosta") > 50);
        REQUIRE(s.run_verb(s.host(1), {"primary", kResource}).exit == 0);
        CHECK(*s.host(0).machine.filesystem().contents(kDisk) == *s.host(1).machine.filesystem().contents(kDisk));
    }
}
