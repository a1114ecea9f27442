// SPDX-License-Identifier: GPL-2.0-or-later
// mars-sim: runs whole simulated clusters with random faults, and checks the promises of MARS. A seed that fails tells
// its story, and is run again, to prove that it fails in the same way each time.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/base/number.hpp"
#include "kernel/base/split.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/stages.hpp"

namespace {

using namespace mars;

constexpr const char* kHelp =
    R"(usage: mars-sim [--seeds N] [--from K] [--steps S] [--hosts H] [--resources R] [--faults=LIST] [--trace]

Simulates clusters of 2 to 5 hosts with 1 to 4 resources, one for each seed K … K+N-1: the real marsd and the real verbs
of marsadm in virtual time. Each run draws a few kinds of trouble, stages them in random order, and checks: acknowledged
writes are never lost, replicas are always some past state of the primary, a planned handover never splits, everything
converges once the network is whole, no published position runs ahead of the disk.

  --seeds N      how many (default 100)
  --from K       the first seed (default 1)
  --steps S      steps in each run (default: drawn, 6 … 13)
  --hosts H      hosts in each run (default: drawn, 2 … 5)
  --resources R  resources in each run (default: drawn, 1 … 4)
  --faults=LIST  draw only from these kinds of trouble, separated by commas (default: from all of them)
  --trace        print every event to stderr

The kinds of trouble; a run draws two to four of them, beside what happens every day:
)";

constexpr const char* kHelpOfResults = R"(
A seed that fails prints its story in at most 60 lines, and how to repeat it. At the end: seeds, virtual hours, how often
each stage took place.

Exit status: 0 all promises kept, 1 a seed failed, 2 usage.
)";

void print_help(std::FILE* to) {
    std::fputs(kHelp, to);
    for (auto* family : sim::families())
        std::fprintf(to, "  %-13.*s  %.*s\n", static_cast<int>(family->name.size()), family->name.data(),
                     static_cast<int>(family->what.size()), family->what.data());
    std::fputs(kHelpOfResults, to);
}

struct Settings {
    std::uint64_t seeds = 100, from = 1;
    sim::ScenarioOptions options;
    std::string repeated; // the options that a repetition needs, too
};

void complain(const std::string& what) {
    std::fprintf(stderr, "mars-sim: %s; next: mars-sim --help\n", what.c_str());
}

bool take_faults(std::string_view list, Settings& settings) {
    settings.repeated += " --faults=" + std::string(list);
    for (bool is_last = false; !is_last;) {
        is_last = list.find(',') == list.npos;
        const auto name = take_part(list, ',');
        const auto known = sim::families();
        if (std::none_of(known.begin(), known.end(), [&](auto* family) { return family->name == name; })) {
            complain("--faults: expected kinds of trouble, found '" + std::string(name) + "'");
            return false;
        }
        settings.options.faults.emplace_back(name);
    }
    return true;
}

bool take_number(std::string_view option, std::uint64_t number, Settings& settings) {
    auto& options = settings.options;
    if (option == "--seeds" && number >= 1 && number <= std::uint64_t(1) << 32) {
        settings.seeds = number;
        return true;
    }
    if (option == "--from" && number < std::uint64_t(1) << 63) {
        settings.from = number;
        return true;
    }
    if (option == "--steps" && number >= 1 && number <= 1'000'000)
        options.steps = static_cast<int>(number);
    else if (option == "--hosts" && number >= 2 && number <= 20)
        options.hosts = number;
    else if (option == "--resources" && number >= 1 && number <= 100)
        options.resources = number;
    else
        return false;
    settings.repeated += " " + std::string(option) + " " + std::to_string(number);
    return true;
}

std::optional<Settings> parse(int argc, char** argv) {
    Settings settings;
    for (int i = 1; i < argc; ++i) {
        std::string_view word = argv[i];
        if (word == "--trace") {
            settings.options.print_trace = true;
            continue;
        }
        std::string_view value;
        if (const auto equal = word.find('='); equal != std::string_view::npos) {
            value = word.substr(equal + 1);
            word = word.substr(0, equal);
        } else if (i + 1 < argc) {
            value = argv[++i];
        }
        if (word == "--faults") {
            if (!take_faults(value, settings)) return std::nullopt;
            continue;
        }
        const auto number = parse_number<std::uint64_t>(value);
        if (number && take_number(word, *number, settings)) continue;
        complain("expected an option, and a number that is sensible for it, found '" + std::string(word) + " " +
                 std::string(value) + "'");
        return std::nullopt;
    }
    return settings;
}

std::string how_to_repeat(const Settings& settings, std::uint64_t seed) {
    return "mars-sim --seeds 1 --from " + std::to_string(seed) + settings.repeated;
}

void print_story(const std::vector<std::string>& story) {
    for (auto& line : story) std::printf("  %s\n", line.c_str());
}

void print_failure(const Settings& settings, std::uint64_t seed, const sim::ScenarioResult& result) {
    const auto again = sim::run_scenario(seed, settings.options);
    std::printf("seed %llu FAILED: %s\n", static_cast<unsigned long long>(seed), result.wrong.c_str());
    std::printf("  %s\n", result.plan.c_str());
    print_story(result.story);
    if (again.digest == result.digest)
        std::printf("  the same again (trace digest %016llx)", static_cast<unsigned long long>(result.digest));
    else
        std::printf("  ANOTHER RUN WAS DIFFERENT (trace digests %016llx, %016llx)",
                    static_cast<unsigned long long>(result.digest), static_cast<unsigned long long>(again.digest));
    std::printf(": %s; every event: --trace\n", how_to_repeat(settings, seed).c_str());
    std::fflush(stdout);
}

// What is under way, for the end in the middle of it: a programming error in the product has been found.
const Settings* settings_now = nullptr;
std::uint64_t seed_now = 0;

void on_abort(int signal) {
    std::signal(signal, SIG_DFL); // it ends when this returns
    std::printf("seed %llu FAILED: the program was ended by signal %d\n", static_cast<unsigned long long>(seed_now),
                signal);
    print_story(sim::story_so_far());
    std::printf("  %s\n", how_to_repeat(*settings_now, seed_now).c_str());
    std::fflush(stdout);
}

// Ctrl-C, or the end of a time limit: what was found is told, after the seed that is under way.
volatile std::sig_atomic_t is_interrupted = 0;

void on_interrupt(int) {
    is_interrupted = 1;
}

struct Sum {
    std::uint64_t failed = 0, writes = 0, acknowledged = 0, crashes = 0, handovers = 0;
    Duration virtual_time{};
    std::map<std::string, std::uint64_t> drawn;

    void add(const sim::ScenarioResult& result) {
        writes += result.writes;
        acknowledged += result.acknowledged;
        crashes += result.crashes;
        handovers += result.handovers;
        virtual_time += result.virtual_time;
        for (auto& [what, times] : result.drawn) drawn[what] += times;
        if (!result.wrong.empty()) ++failed;
    }

    void print(std::uint64_t seeds) const {
        const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
        for (auto& [what, times] : drawn) std::printf("%8llu  %s\n", number(times), what.c_str());
        std::printf("%llu seeds, %.1f virtual hours, %llu failed; %llu writes, %llu acknowledged, %llu crashes, "
                    "%llu handovers\n",
                    number(seeds), std::chrono::duration<double, std::ratio<3600>>(virtual_time).count(),
                    number(failed), number(writes), number(acknowledged), number(crashes), number(handovers));
    }
};

} // namespace

int main(int argc, char** argv) {
    const auto is_help = [](std::string_view word) { return word == "--help" || word == "-h"; };
    if (std::any_of(argv + 1, argv + argc, is_help)) {
        print_help(stdout);
        return 0;
    }
    auto settings = parse(argc, argv);
    if (!settings) return 2;
    settings_now = &*settings;
    for (auto signal : {SIGABRT, SIGSEGV}) std::signal(signal, on_abort);
    for (auto signal : {SIGINT, SIGTERM}) std::signal(signal, on_interrupt);
    Sum sum;
    const auto end = settings->from + settings->seeds;
    for (seed_now = settings->from; seed_now < end && !is_interrupted; ++seed_now) {
        const auto result = mars::sim::run_scenario(seed_now, settings->options);
        sum.add(result);
        if (!result.wrong.empty()) print_failure(*settings, seed_now, result);
    }
    sum.print(seed_now - settings->from);
    return sum.failed == 0 ? 0 : 1;
}
