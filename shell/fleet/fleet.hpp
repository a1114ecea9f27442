// SPDX-License-Identifier: GPL-2.0-or-later
// Fleet: one command on many hosts at once. Sessions are concurrent but bounded, and kept for the next command of this
// process (Remote does that); each host has its own deadline, so a hanging one costs its deadline and nobody else's.
//
//   hosts_of_selector   "@all", "@hostA,hostB", "@mydata" (members of a resource) → hosts
//   fleet_run           runs argv on all of them, tells a FleetOutput what happens meanwhile, returns every outcome
//   run_on_fleet        `@WHO VERB …` of the command line, REPL and scripts: marsadm's verb there, with progress,
//                       one block of lines per host, and a summary (or JSON)
//
// The local host takes part without ssh. Tests: tests/unit/shell/fleet_test.cpp, tests/e2e/fleet_test.py.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/env/env.hpp"
#include "kernel/tree/view.hpp"
#include "shell/remote.hpp"
#include "shell/run.hpp"

namespace mars::shell {

struct FleetOptions {
    RemoteOptions remote;                         // port, --ssh-opts, acceptance of new host keys, connect timeout
    Duration deadline = std::chrono::seconds(60); // of each host: connecting and running together
    std::size_t parallel = 200;                   // sessions at the same time
    std::string input;                            // stdin of the command, the same on all hosts
};

// How the command ended on one host.
struct FleetOutcome {
    std::string host;
    std::optional<failure> failed; // it could not be run (remote.ssh), or did not end in time (remote.timeout); else:
    int status = 0;                // exit status of the command
    std::string output;            // its stdout, to the end
    std::string errors;            // its stderr
    Duration took{};

    bool is_good() const { return !failed && status == 0; }
};

struct FleetResult {
    std::vector<FleetOutcome> outcomes; // in the order of the hosts
    Duration took{};
    std::size_t most_sessions = 0; // that ran at the same time

    std::size_t good() const;
    bool is_good() const { return good() == outcomes.size(); }
};

// Listens to what happens on the hosts. Called on the caller's thread.
class FleetOutput {
  public:
    virtual ~FleetOutput() = default;
    virtual void begin(const std::vector<RemoteHost>& hosts) { (void)hosts; }
    virtual void started(const std::string& host) { (void)host; }
    // A piece of what the command prints, as it comes; not necessarily whole lines.
    virtual void text(const std::string& host, RemoteStream stream, std::string_view piece) {
        (void)host, (void)stream, (void)piece;
    }
    virtual void ended(const FleetOutcome& outcome) { (void)outcome; }
    virtual void summary(const FleetResult& result) { (void)result; }
};

// Runs `argv` on all `hosts`. Cancelling the caller ends all sessions. `remote` and `output` outlive the call.
env::task<FleetResult> fleet_run(env::Env& env, Remote& remote, std::vector<RemoteHost> hosts,
                                 std::vector<std::string> argv, FleetOptions options, FleetOutput& output);

// The hosts that `selector` names, without "@", in natural order and each once: "all", or a comma list of hosts and
// resources ("host:NAME" and "res:NAME" where a name could be both). A name that is neither is taken for a host that
// ssh knows. Failures: usage.arg.
result<std::vector<RemoteHost>> hosts_of_selector(const tree::View& view, std::string_view selector);

// Is this a line for other hosts, i.e. is its first word that is no option of the form "@WHO"?
bool is_fleet_line(const std::vector<std::string>& words);
// Runs such a line. Options before @WHO are for this side (--timeout: deadline of each host, --parallel, --ssh-*,
// --json), everything after it is given to marsadm there. Exit status: verbs 1.9 over the hosts.
env::task<RunResult> run_on_fleet(Surroundings& surroundings, std::vector<std::string> words, Options defaults);

} // namespace mars::shell
