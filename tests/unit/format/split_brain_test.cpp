// SPDX-License-Identifier: GPL-2.0-or-later
// Two histories are told apart exactly when both have gone on, and missing links are never taken for agreement.
#include "kernel/format/split_brain.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "kernel/format/replay_link.hpp"
#include "kernel/format/version_link.hpp"

using namespace mars::format;

namespace {

// Links of one resource, by key.
struct Links {
    std::map<std::string, std::string> values;

    VersionLookup lookup() const {
        return [this](std::int64_t seq, std::string_view host) -> std::optional<std::string> {
            const auto at = values.find(version_key(seq, host));
            if (at == values.end()) return std::nullopt;
            return at->second;
        };
    }
    // Writes a link of `host`, chained to its own link before; returns its value.
    void write(const std::string& host, const LogName& log, std::int64_t length) {
        const auto before = lookup()(log.seq - 1, host);
        values[version_key(log.seq, host)] = make_version(log, length, before.value_or("")).text();
    }
};

HostPosition at(const std::string& host, const char* replay) {
    const auto link = ReplayLink::parse(replay);
    REQUIRE(link);
    return {host, link->position()};
}

// Logs 1 and 2 by alpha, log 3 by beta; full knowledge at `host`.
void write_full(Links& links, const std::string& host) {
    links.write(host, {1, "alpha"}, 1048576);
    links.write(host, {2, "alpha"}, 73728);
    links.write(host, {3, "beta"}, 40960);
}

void write_first_two(Links& links, const std::string& host, std::int64_t length) {
    links.write(host, {1, "alpha"}, 1048576);
    links.write(host, {2, "alpha"}, length);
}

// The result must not depend on who is named first.
HistoryResult compare(const HostPosition& a, const HostPosition& b, const Links& links) {
    const auto result = compare_histories(a, b, links.lookup());
    const auto swapped = compare_histories(b, a, links.lookup());
    CHECK(result.kind == swapped.kind);
    CHECK(result.last_common == swapped.last_common);
    return result;
}

} // namespace

TEST_CASE("equal positions are no split") {
    Links links;
    write_full(links, "alpha");
    write_full(links, "beta");
    const auto r = compare(at("alpha", "log-000000003-beta,40960,0"), at("beta", "log-000000003-beta,40960,0"), links);
    CHECK(r.kind == History::common);
    CHECK(r.last_common == LogPosition{{3, "beta"}, 40960});
}

TEST_CASE("behind in the same log is no split") {
    Links links;
    write_full(links, "alpha");
    write_full(links, "beta");
    const auto r =
        compare(at("alpha", "log-000000003-beta,4096,36864"), at("beta", "log-000000003-beta,40960,0"), links);
    CHECK(r.kind == History::common);
    CHECK(r.last_common == LogPosition{{3, "beta"}, 4096});
}

TEST_CASE("behind by a log is no split") {
    Links links;
    write_full(links, "alpha");
    write_full(links, "beta");
    const auto r =
        compare(at("alpha", "log-000000002-alpha,4096,69632"), at("beta", "log-000000003-beta,40960,0"), links);
    CHECK(r.kind == History::common);
    CHECK(r.last_common == LogPosition{{2, "alpha"}, 4096});
}

TEST_CASE("behind by two logs is no split") {
    Links links;
    write_full(links, "beta");
    const auto r = compare(at("alpha", "log-000000001-alpha,4096,0"), at("beta", "log-000000003-beta,40960,0"), links);
    CHECK(r.kind == History::common);
}

TEST_CASE("a partly fetched log is no split") {
    Links links;
    write_first_two(links, "alpha", 73728);
    write_first_two(links, "beta", 40960);
    const auto r =
        compare(at("alpha", "log-000000002-alpha,73728,0"), at("beta", "log-000000002-alpha,40960,0"), links);
    CHECK(r.kind == History::common);
}

TEST_CASE("two hosts that wrote the same number are split after the log before") {
    Links links;
    write_first_two(links, "alpha", 73728);
    links.write("alpha", {3, "alpha"}, 8192);
    write_full(links, "beta");
    const auto r = compare(at("alpha", "log-000000003-alpha,8192,0"), at("beta", "log-000000003-beta,40960,0"), links);
    CHECK(r.kind == History::split);
    CHECK(r.last_common == LogPosition{{2, "alpha"}, 73728});
}

TEST_CASE("a forced switch in the middle of a log is a split at that point") {
    Links links;
    write_first_two(links, "alpha", 73728);
    write_first_two(links, "beta", 40960);
    links.write("beta", {3, "beta"}, 8192);
    const auto r = compare(at("alpha", "log-000000002-alpha,73728,0"), at("beta", "log-000000003-beta,8192,0"), links);
    CHECK(r.kind == History::split);
    CHECK(r.last_common == LogPosition{{2, "alpha"}, 40960});
}

TEST_CASE("lost links are reported without a point") {
    Links links;
    write_full(links, "alpha");
    links.write("beta", {1, "alpha"}, 1048576);
    const auto r =
        compare(at("alpha", "log-000000002-alpha,4096,69632"), at("beta", "log-000000003-beta,40960,0"), links);
    CHECK(r.kind == History::unknown);
    CHECK_FALSE(r.last_common);
}

TEST_CASE("a missing link is replaced by the one before") {
    Links links;
    write_first_two(links, "beta", 73728); // beta has not written its link of log 3 yet
    const auto r = compare(at("alpha", "log-000000002-alpha,4096,0"), at("beta", "log-000000003-beta,100,0"), links);
    CHECK(r.kind == History::common);
}

TEST_CASE("a split far back with longer histories on both sides is found") {
    Links links;
    for (const std::string host : {"alpha", "beta"}) {
        links.write(host, {1, "alpha"}, 500);
        for (std::int64_t seq = 2; seq < 30; ++seq) links.write(host, {seq, host}, 100 * seq);
    }
    const auto r = compare(at("alpha", "log-000000029-alpha,2900,0"), at("beta", "log-000000025-beta,70,0"), links);
    CHECK(r.kind == History::split);
    CHECK(r.last_common == LogPosition{{1, "alpha"}, 500});
}

TEST_CASE("a split without any common log has no point") {
    Links links;
    links.write("alpha", {1, "alpha"}, 500);
    links.write("beta", {1, "beta"}, 500);
    const auto r = compare(at("alpha", "log-000000001-alpha,1,0"), at("beta", "log-000000001-beta,1,0"), links);
    CHECK(r.kind == History::split);
    CHECK_FALSE(r.last_common);
}

TEST_CASE("links that lead in circles or upwards end the walk") {
    Links links;
    links.values[version_key(5, "beta")] = std::string(32, '0') + ",log-000000005-beta,1:x,log-000000005-beta,1";
    links.values[version_key(6, "beta")] = std::string(32, '0') + ",log-000000006-beta,1:x,log-000000009-beta,1";
    CHECK(compare(at("alpha", "log-000000001-alpha,1,0"), at("beta", "log-000000005-beta,1,0"), links).kind ==
          History::unknown);
    CHECK(compare(at("alpha", "log-000000001-alpha,1,0"), at("beta", "log-000000006-beta,1,0"), links).kind ==
          History::unknown);
}

TEST_CASE("all pairs of a resource are compared") {
    Links links;
    write_first_two(links, "alpha", 73728);
    links.write("alpha", {3, "alpha"}, 8192);
    write_full(links, "beta");
    write_full(links, "gamma");
    const std::vector<HostPosition> hosts{at("alpha", "log-000000003-alpha,8192,0"),
                                          at("beta", "log-000000003-beta,40960,0"),
                                          at("gamma", "log-000000003-beta,512,0")};
    const auto found = find_split_brain(hosts, {}, links.lookup());
    REQUIRE(found.pairs.size() == 2);
    CHECK(found.found());
    CHECK(found.text() == "alpha and beta have gone on differently after log-000000002-alpha,73728\n"
                          "alpha and gamma have gone on differently after log-000000002-alpha,73728\n");
    const auto healthy = find_split_brain(std::span(hosts).subspan(1), {}, links.lookup());
    CHECK_FALSE(healthy.found());
    CHECK(healthy.text().empty());
}

TEST_CASE("two logs of the same number are reported when no pair is split") {
    const std::vector<LogName> logs{{3, "beta"}, {2, "alpha"}, {3, "alpha"}, {1, "alpha"}, {2, "alpha"}};
    const auto found = find_split_brain({}, logs, Links{}.lookup());
    CHECK(found.found());
    REQUIRE(found.double_log);
    CHECK(found.double_log->first == LogName{3, "alpha"});
    CHECK(found.double_log->second == LogName{3, "beta"});
    CHECK(found.text() == "two logs have the same number: log-000000003-alpha and log-000000003-beta\n");
    CHECK_FALSE(find_double_log(std::vector<LogName>{{1, "a"}, {2, "b"}, {1, "a"}}));
}

TEST_CASE("logs of the same names with another past are a split, after what both have in common") {
    Links links;
    for (const auto* host : {"alpha", "beta"}) links.write(host, {1, "alpha"}, 4096);
    links.write("beta", {2, "alpha"}, 8192); // what alpha had written before it was restored
    links.write("beta", {3, "alpha"}, 8192);
    links.write("alpha", {2, "alpha"}, 5120); // and what it wrote afterwards
    links.write("alpha", {3, "alpha"}, 16384);
    const auto result =
        compare(at("alpha", "log-000000003-alpha,16384,0"), at("beta", "log-000000003-alpha,8192,0"), links);
    CHECK(result.kind == History::split);
    REQUIRE(result.last_common);
    CHECK(result.last_common->text() == "log-000000002-alpha,5120");
}

TEST_CASE("bytes beyond the last common position are counted over all logs") {
    Links links;
    write_first_two(links, "alpha", 73728);
    links.write("alpha", {3, "alpha"}, 8192);
    links.write("alpha", {4, "alpha"}, 4096);
    write_first_two(links, "beta", 40960);
    links.write("beta", {3, "beta"}, 1024);
    const auto r = compare_histories(at("alpha", "log-000000004-alpha,4096,0"), at("beta", "log-000000003-beta,1024,0"),
                                     links.lookup());
    CHECK(r.kind == History::split);
    CHECK(r.beyond_a == 73728 - 40960 + 8192 + 4096);
    CHECK(r.beyond_b == 1024);
}

TEST_CASE("a host has all that it has written, applied or not") {
    Links links;
    write_first_two(links, "alpha", 73728);
    write_first_two(links, "beta", 40960);
    links.write("beta", {3, "beta"}, 8192);
    const std::vector<HostPosition> hosts{at("alpha", "log-000000002-alpha,4096,0"),
                                          at("beta", "log-000000003-beta,100,0")};
    const auto found = find_split_brain(hosts, {}, links.lookup());
    REQUIRE(found.pairs.size() == 1);
    CHECK(found.pairs.front().history.last_common == LogPosition{{2, "alpha"}, 40960});
    CHECK(found.pairs.front().history.beyond_a == 73728 - 40960);
    CHECK(found.pairs.front().history.beyond_b == 8192);
    links.write("alpha", {3, "alpha"}, 10);
    CHECK(known_end(hosts.front(), links.lookup()).position == LogPosition{{3, "alpha"}, 10});
    CHECK(known_end(hosts.back(), links.lookup()).position == LogPosition{{3, "beta"}, 8192});
}

TEST_CASE("who stands in an empty log has not gone on") {
    Links links;
    write_first_two(links, "alpha", 73728);
    links.write("alpha", {3, "alpha"}, 0);
    write_full(links, "beta");
    const auto r = compare(at("alpha", "log-000000003-alpha,0,0"), at("beta", "log-000000003-beta,40960,0"), links);
    CHECK(r.kind == History::common);
    CHECK(r.last_common == LogPosition{{2, "alpha"}, 73728});
}
