// SPDX-License-Identifier: GPL-2.0-or-later
// mars-sim: runs whole simulated clusters with random faults, and checks the promises of MARS after each. A seed that
// fails is run again, to prove that it fails in the same way each time.
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "kernel/base/number.hpp"
#include "tests/sim/scenario.hpp"

namespace {

using namespace mars;

constexpr const char* kHelp =
    R"(usage: mars-sim [--seeds N] [--from K] [--steps S] [--trace]

Simulates clusters of 2 to 4 hosts under random verbs, writes, crashes, partitions and changes of their storage (other
disks, hosts put back to older pictures, removed logs), one for each seed K … K+N-1, and checks after each: acknowledged
writes are never lost, replicas are always some past state of the primary, a planned handover never splits, everything
converges once the network is whole, no published position runs ahead of the disk.

  --seeds N  how many (default 100)
  --from K   the first seed (default 1)
  --steps S  random steps in each run (default 14)
  --trace    print every event to stderr

Exit status: 0 all promises kept, 1 a seed failed (it is named, with the digest of its trace from two runs), 2 usage.
)";

struct Settings {
    std::uint64_t seeds = 100, from = 1;
    sim::ScenarioOptions options;
};

std::optional<Settings> parse(int argc, char** argv) {
    Settings settings;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--trace") {
            settings.options.print_trace = true;
            continue;
        }
        auto number = i + 1 < argc ? parse_number<std::uint64_t>(argv[i + 1]) : std::nullopt;
        if (!number) return std::nullopt;
        if (word == "--seeds")
            settings.seeds = *number;
        else if (word == "--from")
            settings.from = *number;
        else if (word == "--steps")
            settings.options.steps = static_cast<int>(*number);
        else
            return std::nullopt;
        ++i;
    }
    return settings;
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--help") {
        std::fputs(kHelp, stdout);
        return 0;
    }
    auto settings = parse(argc, argv);
    if (!settings) {
        std::fputs(kHelp, stderr);
        return 2;
    }
    std::uint64_t failed = 0;
    mars::sim::ScenarioResult sum;
    for (auto seed = settings->from; seed < settings->from + settings->seeds; ++seed) {
        const auto result = mars::sim::run_scenario(seed, settings->options);
        sum.writes += result.writes;
        sum.acknowledged += result.acknowledged;
        sum.crashes += result.crashes;
        sum.handovers += result.handovers;
        sum.storage_changes += result.storage_changes;
        sum.damaged_logs += result.damaged_logs;
        if (result.wrong.empty()) continue;
        ++failed;
        const auto again = mars::sim::run_scenario(seed, settings->options);
        std::printf("seed %llu FAILED: %s\n  trace digest %016llx, again %016llx\n",
                    static_cast<unsigned long long>(seed), result.wrong.c_str(),
                    static_cast<unsigned long long>(result.digest), static_cast<unsigned long long>(again.digest));
        std::fflush(stdout);
    }
    std::printf("%llu seeds, %llu failed; %llu writes, %llu acknowledged, %llu crashes, %llu handovers, "
                "%llu storage changes (%llu damaged logs)\n",
                static_cast<unsigned long long>(settings->seeds), static_cast<unsigned long long>(failed),
                static_cast<unsigned long long>(sum.writes), static_cast<unsigned long long>(sum.acknowledged),
                static_cast<unsigned long long>(sum.crashes), static_cast<unsigned long long>(sum.handovers),
                static_cast<unsigned long long>(sum.storage_changes),
                static_cast<unsigned long long>(sum.damaged_logs));
    return failed == 0 ? 0 : 1;
}
