// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh_remote.hpp"

#include "shell/ssh_session.hpp"

namespace mars::shell {

namespace {
constexpr std::size_t kSessions = 16; // at the same time; more wait for their turn
}

env::task<result<RemoteResult>> SshRemote::run(RemoteHost host, RemoteOptions options, std::vector<std::string> argv,
                                               std::string input, Duration limit) {
    MARS_CO_TRY(auto ssh, parse_ssh_options(options.ssh_opts));
    if (!pool_) pool_ = std::make_unique<env::BlockingPool>(context_, lot_, kSessions);
    auto stop = std::make_shared<std::atomic<bool>>(false);
    auto call = std::make_shared<SshCall>(SshCall{std::move(host), std::move(options), std::move(ssh),
                                                  shell_command(argv), std::move(input), limit, stop});
    auto work = [call] { return run_over_ssh(*call); };
    auto start = [&](const std::shared_ptr<env::Waiter<result<RemoteResult>>>& waiter) {
        waiter->on_cancel = [stop] { stop->store(true); }; // the thread ends soon, and completes the wait
        pool_->start_on_thread(work, waiter);
    };
    co_return co_await env::park<result<RemoteResult>>(lot_, start);
}

} // namespace mars::shell
