// SPDX-License-Identifier: GPL-2.0-or-later
// Which versions a split brain has made, and who has which.
#include "kernel/format/histories.hpp"

#include <catch2/catch.hpp>

#include <map>

#include "kernel/format/version_link.hpp"

using namespace mars;
using namespace mars::format;

namespace {

struct Links {
    std::map<std::string, std::string> values;
    void write(const std::string& host, const LogName& log, std::int64_t length) {
        values[version_key(log.seq, host)] = make_version(log, length, values[version_key(log.seq - 1, host)]).text();
    }
    VersionLookup lookup() const {
        return [this](std::int64_t seq, std::string_view host) -> std::optional<std::string> {
            const auto found = values.find(version_key(seq, host));
            return found == values.end() ? std::nullopt : std::optional(found->second);
        };
    }
};

HostPosition at(const std::string& host, const LogName& log, std::int64_t pos) {
    return {host, {log, pos}};
}

// alpha wrote 700 bytes more of log 2 than beta had when that was made primary by force.
Links split() {
    Links links;
    for (const std::string host : {"alpha", "beta", "gamma", "delta"}) links.write(host, {1, "alpha"}, 500);
    links.write("alpha", {2, "alpha"}, 1700);
    links.write("beta", {2, "alpha"}, 1000);
    links.write("beta", {3, "beta"}, 300);
    return links;
}

} // namespace

TEST_CASE("equal, or one behind the other: one history") {
    auto links = split();
    links.write("beta", {2, "alpha"}, 1700);
    links.write("beta", {3, "beta"}, 300);
    const std::vector<HostPosition> hosts{at("alpha", {2, "alpha"}, 1700), at("beta", {3, "beta"}, 300)};
    CHECK(find_histories(hosts, links.lookup()).versions.empty());
    CHECK(find_histories({}, links.lookup()).versions.empty());
}

TEST_CASE("each host belongs to the version that it has gone along with") {
    auto links = split();
    links.write("gamma", {2, "alpha"}, 1200);
    links.write("delta", {2, "alpha"}, 1000);
    links.write("delta", {3, "beta"}, 100);
    const std::vector<HostPosition> hosts{at("alpha", {2, "alpha"}, 1500), at("beta", {3, "beta"}, 300),
                                          at("delta", {3, "beta"}, 100), at("gamma", {2, "alpha"}, 1200)};
    const auto found = find_histories(hosts, links.lookup());
    REQUIRE(found.versions.size() == 2);
    CHECK(found.last_common == LogPosition{{2, "alpha"}, 1000});
    CHECK(found.versions[0].hosts == std::vector<std::string>{"alpha", "gamma"});
    CHECK(found.versions[0].beyond == 700);
    CHECK(found.versions[1].hosts == std::vector<std::string>{"beta", "delta"});
    CHECK(found.versions[1].beyond == 300);
    CHECK(found.undecided.empty());
}

TEST_CASE("who has not gone beyond can follow any version") {
    auto links = split();
    links.write("gamma", {2, "alpha"}, 900);
    const std::vector<HostPosition> hosts{at("gamma", {2, "alpha"}, 900), at("alpha", {2, "alpha"}, 1700),
                                          at("beta", {3, "beta"}, 300)};
    const auto found = find_histories(hosts, links.lookup());
    REQUIRE(found.versions.size() == 2);
    CHECK(found.undecided == std::vector<std::string>{"gamma"});
}

TEST_CASE("three versions; where they part is the earliest point") {
    auto links = split();
    links.write("gamma", {2, "gamma"}, 40);
    const std::vector<HostPosition> hosts{at("alpha", {2, "alpha"}, 1700), at("beta", {3, "beta"}, 300),
                                          at("gamma", {2, "gamma"}, 40)};
    const auto found = find_histories(hosts, links.lookup());
    REQUIRE(found.versions.size() == 3);
    CHECK(found.last_common == LogPosition{{1, "alpha"}, 500});
    CHECK(found.versions[0].beyond == 1700);
    CHECK(found.versions[1].beyond == 1300);
    CHECK(found.versions[2].beyond == 40);
}
