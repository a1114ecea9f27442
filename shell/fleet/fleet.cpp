// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/fleet/fleet.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "kernel/base/split.hpp"
#include "kernel/env/task_group.hpp"
#include "shell/command/hosts.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

std::size_t FleetResult::good() const {
    return static_cast<std::size_t>(
        std::count_if(outcomes.begin(), outcomes.end(), [](const FleetOutcome& o) { return o.is_good(); }));
}

namespace {

class FleetRun {
  public:
    FleetRun(env::Env& env, Remote& remote, std::vector<RemoteHost> hosts, std::vector<std::string> argv,
             FleetOptions options, FleetOutput& output)
        : env_(env), remote_(remote), hosts_(std::move(hosts)), argv_(std::move(argv)), options_(std::move(options)),
          output_(output) {
        result_.outcomes.resize(hosts_.size());
    }

    env::task<FleetResult> go();

  private:
    env::task<void> work();
    env::task<FleetOutcome> run_on(RemoteHost host);
    bool has_heard_all() const;

    env::Env& env_;
    Remote& remote_;
    std::vector<RemoteHost> hosts_;
    std::vector<std::string> argv_;
    FleetOptions options_;
    FleetOutput& output_;
    FleetResult result_;
    std::size_t next_ = 0; // host that nobody works on yet
    std::size_t running_ = 0;
    std::size_t ended_ = 0;
};

env::task<FleetOutcome> FleetRun::run_on(RemoteHost host) {
    FleetOutcome outcome;
    outcome.host = host.name;
    auto options = options_.remote;
    options.connect_timeout = std::min(options.connect_timeout, options_.deadline);
    auto& output = output_;
    options.on_text = [&output, name = host.name](RemoteStream stream, std::string_view piece) {
        output.text(name, stream, piece);
    };
    const auto begin = env_.clock().steady();
    auto ran = co_await remote_.run(std::move(host), options, argv_, options_.input, options_.deadline);
    outcome.took = env_.clock().steady() - begin;
    if (!ran) {
        outcome.failed = ran.error();
        co_return outcome;
    }
    outcome.status = ran->status;
    outcome.output = std::move(ran->output);
    outcome.errors = std::move(ran->errors);
    co_return outcome;
}

// One of the workers: takes host after host.
env::task<void> FleetRun::work() {
    while (next_ < hosts_.size()) {
        const auto number = next_++;
        result_.most_sessions = std::max(result_.most_sessions, ++running_);
        output_.started(hosts_[number].name);
        auto outcome = co_await run_on(hosts_[number]);
        --running_;
        ++ended_;
        output_.ended(outcome);
        result_.outcomes[number] = std::move(outcome);
    }
}

// The end of the command is known of every host.
bool FleetRun::has_heard_all() const {
    return ended_ == hosts_.size() &&
           std::none_of(result_.outcomes.begin(), result_.outcomes.end(),
                        [](const FleetOutcome& o) { return o.failed && o.failed->is(std::errc::operation_canceled); });
}

env::task<FleetResult> FleetRun::go() {
    const auto begin = env_.clock().steady();
    output_.begin(hosts_);
    env::TaskGroup group(env_);
    const auto workers = std::clamp<std::size_t>(options_.parallel, 1, std::max<std::size_t>(hosts_.size(), 1));
    for (std::size_t i = 0; i < workers; ++i) group.spawn("fleet", work());
    std::exception_ptr cancelled;
    try {
        co_await group.join();
    } catch (...) {
        cancelled = std::current_exception();
    }
    if (cancelled) {
        co_await env::asio::this_coro::throw_if_cancelled(false);
        co_await group.stop();
        if (!has_heard_all()) std::rethrow_exception(cancelled);
    }
    result_.took = env_.clock().steady() - begin;
    output_.summary(result_);
    co_return std::move(result_);
}

} // namespace

env::task<FleetResult> fleet_run(env::Env& env, Remote& remote, std::vector<RemoteHost> hosts,
                                 std::vector<std::string> argv, FleetOptions options, FleetOutput& output) {
    FleetRun run(env, remote, std::move(hosts), std::move(argv), std::move(options), output);
    co_return co_await run.go();
}

namespace {

failure bad_selector(const std::string& text) {
    return refusal("usage.arg", text + "; write @all, @HOST,HOST…, or @RES for the members of a resource");
}

// The names of hosts that one word of a selector stands for.
result<std::vector<std::string>> expand(const tree::View& view, std::string_view word) {
    const auto hosts = cluster_hosts(view);
    auto is_host = [&](std::string_view name) { return std::find(hosts.begin(), hosts.end(), name) != hosts.end(); };
    if (word == "all") return hosts;
    const bool wants_host = word.starts_with("host:");
    const bool wants_resource = word.starts_with("res:");
    const std::string name(word.substr(wants_host ? 5 : wants_resource ? 4 : 0));
    if (!wants_resource && name.find('.') != std::string::npos && !name.starts_with('.'))
        return std::vector{name}; // a name of the DNS or an address
    if (!is_identifier(name)) return bad_selector("'" + std::string(word) + "' names neither hosts nor a resource");
    const bool is_resource = !wants_host && has_resource(view, name);
    if (is_resource && !wants_resource && is_host(name))
        return bad_selector("'" + name + "' is a host and a resource: write @host:" + name + " or @res:" + name);
    if (wants_resource && !is_resource) return bad_selector("there is no resource '" + name + "'");
    if (!is_resource) return std::vector{name};
    auto members = members_of(view, name);
    if (members.empty()) return bad_selector("resource '" + name + "' has no members");
    return members;
}

} // namespace

result<std::vector<RemoteHost>> hosts_of_selector(const tree::View& view, std::string_view selector) {
    if (selector.empty()) return bad_selector("nobody is named");
    std::vector<std::string> names;
    while (!selector.empty()) {
        auto word = take_part(selector, ',');
        if (word.empty()) return bad_selector("the list has an empty element");
        MARS_TRY(auto some, expand(view, word));
        names.insert(names.end(), some.begin(), some.end());
    }
    sort_names(names);
    if (names.empty()) return bad_selector("this host belongs to no cluster, so @all is nobody");
    std::vector<RemoteHost> hosts;
    for (auto& name : names) {
        auto address = view.value("ips/ip-" + name);
        hosts.emplace_back(std::move(name), std::move(address));
    }
    return hosts;
}

} // namespace mars::shell
