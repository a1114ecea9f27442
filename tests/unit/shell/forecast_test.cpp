// SPDX-License-Identifier: GPL-2.0-or-later
// forecast: when a replica has caught up, and when /mars is full; and honestly when nobody can know.
#include "fixture.hpp"
#include "health_rig.hpp"

#include "shell/health/forecast.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

constexpr std::int64_t kMiB = 1 << 20;

struct Future : Healthy {
    Measured measured{{{"r", 0}}, {{"r", 0}}, 4s};

    void writes(std::int64_t bytes_per_second) { measured.after["r"] = bytes_per_second * 4; }
    void applies(std::int64_t bytes_per_second) {
        set("resource-r/actual-b/amount-replay_rate", std::to_string(bytes_per_second / 1024));
    }
    std::vector<Forecast> all(std::uint64_t free = 10 << 30) const {
        auto p = patient();
        p.space = env::SpaceInfo{.total_bytes = std::uint64_t{100} << 30, .available_bytes = free};
        return forecasts(p, {"r"}, measured);
    }
    Forecast of(const std::string& what, const std::string& host) const {
        for (auto& forecast : all(std::uint64_t{10} << 30))
            if (forecast.what == what && forecast.host == host) return forecast;
        FAIL("no forecast");
        return {};
    }
};

} // namespace

TEST_CASE("a replica that is level has caught up, and logs do not fill /mars") {
    Future future;
    future.writes(5 * kMiB);
    CHECK(future.of("caught-up", "b").outlook == Outlook::done);
    CHECK(future.of("mars-full", "a").outlook == Outlook::done);
    contains(report_of(future.all(), future.patient().now()), "resource r on host b: has caught up\n");
}

TEST_CASE("a replica has caught up after its backlog, by what is applied less what is written") {
    Future future;
    future.version(3, "a", 4096 + 600 * kMiB, 1);
    future.writes(2 * kMiB);
    future.applies(5 * kMiB);
    const auto forecast = future.of("caught-up", "b");
    CHECK(forecast.outlook == Outlook::in_time);
    CHECK(forecast.bytes == 600 * kMiB);
    CHECK(std::chrono::duration_cast<std::chrono::seconds>(*forecast.in) == 200s);
    contains(report_of(future.all(), future.patient().now()), "resource r on host b: has caught up in 3 min (at ");
}

TEST_CASE("what does not come to an end is told as such, and fills /mars") {
    Future future;
    future.version(3, "a", 4096 + 600 * kMiB, 1);
    future.writes(5 * kMiB);
    future.applies(3 * kMiB);
    CHECK(future.of("caught-up", "b").outlook == Outlook::never);
    const auto full = future.of("mars-full", "a");
    CHECK(full.outlook == Outlook::in_time);
    CHECK(std::chrono::duration_cast<std::chrono::seconds>(*full.in) == 2048s);
    const auto text = report_of(future.all(std::uint64_t{10} << 30), future.patient().now());
    contains(text, "b: does not catch up at this rate (600.0 MiB to go); 3.0 MiB/s are applied, 5.0 MiB/s are written");
    contains(text, "/mars on host a: full in 34 min (at ");
    contains(text, "the logs of r are kept for b");
    contains(text, "/mars on host b: full in 4 h"); // 80 GiB, as it has told
}

TEST_CASE("of a switch that is off doctor and forecast say the same") {
    Future future;
    future.version(3, "a", 4096 + 600 * kMiB, 1);
    future.applies(5 * kMiB);
    future.set("resource-r/todo-b/allow-replay", "0");
    const auto forecast = future.of("caught-up", "b");
    CHECK(forecast.outlook == Outlook::never);
    CHECK(forecast.why == "not while its replay is off");
}

TEST_CASE("what nobody can know is unknown, with the reason") {
    Future future;
    future.version(3, "a", 4096 + 600 * kMiB, 1);
    future.writes(kMiB);
    future.heard("b", 42);
    const auto forecast = future.of("caught-up", "b");
    CHECK(forecast.outlook == Outlook::unknown);
    CHECK_FALSE(forecast.in);
    contains(forecast.why, "no news of b for 42 s");
    CHECK(future.of("mars-full", "a").outlook == Outlook::in_time); // logs are kept for it
    CHECK(future.of("mars-full", "b").outlook == Outlook::unknown);
    future.set("actual-b/total-space", "0"); // smaller than the reserve
    future.heard("b", 1);
    contains(future.of("mars-full", "b").why, "how much is free there is not told");
}

TEST_CASE("a copy that is being made has an end, too") {
    Future future;
    future.set("resource-r/syncstatus-b", "0");
    CHECK(future.of("caught-up", "b").outlook == Outlook::never);
    future.set("resource-r/actual-b/is-syncing", "1");
    future.set("resource-r/actual-b/amount-sync_rate", "16");
    const auto forecast = future.of("caught-up", "b");
    CHECK(forecast.outlook == Outlook::in_time);
    CHECK(std::chrono::duration_cast<std::chrono::seconds>(*forecast.in) == 64s);
}

TEST_CASE("without a measurement the average of the version links counts") {
    Future future;
    CHECK(*average_rate(future.patient(), "r") == Approx(4096.0 / 3600));
    future.erase("resource-r/version-000000002-a");
    future.erase("resource-r/version-000000002-b");
    CHECK_FALSE(average_rate(future.patient(), "r"));
}

TEST_CASE("forecast measures while it looks") {
    Pair site;
    site.set("resource-r/replay-a", "log-000000003-b,0,4096");
    CHECK(site.run({"forecast", "r"}).exit == 0);
    contains(site.output.text(Severity::answer),
             "resource r on host a: does not catch up at this rate (4.0 KiB to go)");
    CHECK(site.run({"forecast", "--json"}).exit == 0);
    contains(
        site.output.text(Severity::answer),
        "{\"what\": \"caught-up\", \"resource\": \"r\", \"host\": \"a\", \"outlook\": \"never\", \"in_seconds\": null");
}
