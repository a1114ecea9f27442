// SPDX-License-Identifier: GPL-2.0-or-later
// `[OPTION…] @WHO VERB …` of the command line, the REPL and scripts.
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>

#include "shell/command/startup.hpp"
#include "shell/fleet/fleet.hpp"
#include "shell/fleet/fleet_screen.hpp"

namespace mars::shell {

namespace {

bool is_option(const std::string& word) {
    return word.size() > 1 && word.front() == '-' && word != "--";
}

std::vector<std::string>::const_iterator find_selector(const std::vector<std::string>& words) {
    auto first = std::find_if_not(words.begin(), words.end(), is_option);
    bool is_one = first != words.end() && first->size() > 1 && first->front() == '@';
    return is_one ? first : words.end();
}

RunResult refused(Output& output, const failure& why) {
    output.error(why.text + " [" + std::string(reason_of(why).name) + "]");
    RunResult result;
    result.exit = exit_code(reason_of(why).failure_class);
    ResourceOutcome outcome;
    outcome.failed = why;
    result.outcomes.push_back(std::move(outcome));
    return result;
}

// What a fleet's outcomes mean for the exit status: verbs 1.9, with hosts in the place of resources.
RunResult as_run_result(const FleetResult& fleet) {
    RunResult result;
    for (const auto& one : fleet.outcomes) {
        ResourceOutcome outcome;
        outcome.resource = one.host;
        outcome.failed = one.failed;
        int exit = one.failed ? exit_code(reason_of(*one.failed).failure_class) : one.status;
        if (!one.failed && one.status != 0)
            outcome.failed = refusal("remote.ssh", "exit status " + std::to_string(one.status));
        if (result.exit == 0) result.exit = exit;
        result.outcomes.push_back(std::move(outcome));
    }
    if (result.exit != 0 && fleet.good() > 0) result.exit = kExitMixed;
    return result;
}

FleetOptions fleet_options(const Options& options) {
    FleetOptions fleet;
    fleet.remote = remote_options(options);
    fleet.deadline = options.timeout.value_or(std::chrono::hours(24 * 365));
    if (options.parallel > 0) fleet.parallel = static_cast<std::size_t>(options.parallel);
    return fleet;
}

} // namespace

bool is_fleet_line(const std::vector<std::string>& words) {
    return find_selector(words) != words.end();
}

env::task<RunResult> run_on_fleet(Surroundings& surroundings, std::vector<std::string> words, Options defaults) {
    auto& output = surroundings.output;
    const auto selector = find_selector(words);
    Options options = std::move(defaults);
    for (auto word = words.cbegin(); word != selector; ++word)
        if (auto applied = apply_option(options, *word); !applied) co_return refused(output, applied.error());
    std::vector<std::string> argv{"marsadm"};
    argv.insert(argv.end(), selector + 1, words.cend());
    if (argv.size() == 1)
        co_return refused(output, refusal("usage.verb", "what shall be done on " + *selector +
                                                            "? For example: marsadm " + *selector + " view"));
    if (auto readable = check_readable(surroundings, options.root, *selector); !readable)
        co_return refused(output, readable.error());
    tree::DiskView view(surroundings.env, options.root);
    auto hosts = hosts_of_selector(view, std::string_view(*selector).substr(1));
    if (!hosts) co_return refused(output, hosts.error());
    FleetScreen screen(output);
    FleetJson json(output);
    FleetOutput& listener = options.json ? static_cast<FleetOutput&>(json) : screen;
    auto fleet = fleet_options(options);
    const auto count = hosts->size();
    try {
        auto result = co_await fleet_run(surroundings.env, surroundings.remote, std::move(*hosts), std::move(argv),
                                         std::move(fleet), listener);
        co_return as_run_result(result);
    } catch (const boost::system::system_error& error) {
        if (error.code() != env::asio::error::operation_aborted) throw;
    }
    output.live({});
    co_return refused(output, refusal("verb.interrupted", "interrupted; on which of the " + std::to_string(count) +
                                                              " hosts the command has run to its end is said above"));
}

} // namespace mars::shell
