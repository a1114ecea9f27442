// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/fleet/run_words.hpp"

#include "shell/fleet/fleet.hpp"

namespace mars::shell {

env::task<RunResult> run_words(Surroundings& surroundings, std::vector<std::string> words, Options defaults) {
    if (is_fleet_line(words)) co_return co_await run_on_fleet(surroundings, std::move(words), std::move(defaults));
    auto request = parse_command_line(words, defaults, surroundings.registry());
    if (request) co_return co_await run_verb(surroundings, std::move(*request));
    surroundings.output.error(request.error().text + " [" + std::string(reason_of(request.error()).name) + "]");
    RunResult refused;
    refused.exit = exit_code(reason_of(request.error()).failure_class);
    ResourceOutcome outcome;
    outcome.failed = request.error();
    refused.outcomes.push_back(std::move(outcome));
    co_return refused;
}

} // namespace mars::shell
