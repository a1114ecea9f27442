// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh/ssh_remote.hpp"

#include <boost/asio/post.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "shell/local/process.hpp"
#include "shell/ssh/remote_end.hpp"
#include "shell/ssh/ssh_session.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

// Threads that are made when there is more to do than idle ones.
class SessionThreads {
  public:
    ~SessionThreads() {
        {
            std::lock_guard lock(mutex_);
            ending_ = true;
        }
        changed_.notify_all();
        for (auto& thread : threads_) thread.join();
    }

    void start(std::function<void()> work) {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(work));
        if (queue_.size() > idle_ && threads_.size() < kMostSessions) threads_.emplace_back([this] { run(); });
        changed_.notify_one();
    }

  private:
    void run() {
        std::unique_lock lock(mutex_);
        while (true) {
            ++idle_;
            changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
            --idle_;
            if (queue_.empty()) return;
            auto work = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            work();
            work = nullptr;
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    bool ending_ = false;
};

namespace {

// What a thread hands back.
struct Ended {
    explicit Ended(result<RemoteResult> r) : answer(std::move(r)) {}

    result<RemoteResult> answer;
    std::shared_ptr<SshSession> session; // to be kept; null when it is of no use any more
    bool is_new = false;
};

Ended work_on(const SshCall& call, std::shared_ptr<SshSession> session) {
    bool has_started = false;
    if (session) {
        Ended ended(session->run(call, has_started));
        if (ended.answer) ended.session = session;
        if (ended.answer || has_started) return ended; // a connection that has died meanwhile is replaced
    }
    auto opened = SshConnection::open(call);
    if (!opened) return Ended(opened.error());
    session = std::make_shared<SshSession>(std::move(*opened));
    Ended ended(session->run(call, has_started));
    if (ended.answer) ended.session = session;
    ended.is_new = true;
    return ended;
}

std::string key_of(const RemoteHost& host, const RemoteOptions& options) {
    return host.name + '\n' + host.address + '\n' + std::to_string(options.port) + '\n' + options.ssh_opts;
}

} // namespace

SshRemote::SshRemote(env::asio::io_context& context, env::ParkingLot& lot, std::string local_name)
    : context_(context), lot_(lot), local_name_(std::move(local_name)) {}

SshRemote::~SshRemote() = default;

SshRemote::SessionPtr SshRemote::take_idle(const std::string& key) {
    auto found = idle_.find(key);
    if (found == idle_.end() || found->second.empty()) return nullptr;
    auto session = std::move(found->second.back());
    found->second.pop_back();
    return session;
}

env::task<result<RemoteResult>> SshRemote::run_here(RemoteOptions options, std::vector<std::string> argv,
                                                    std::string input, Duration limit) {
    const auto words = shell_command(argv);
    Command command;
    command.argv = std::move(argv);
    command.input = std::move(input);
    command.limit = limit;
    command.has_last_word = [words_of = command.argv](int status) { return is_own_end(words_of, status); };
    std::string output, errors; // so far
    command.on_text = [&](bool is_error, std::string piece) -> env::task<void> {
        (is_error ? errors : output) += piece;
        if (options.on_text) options.on_text(is_error ? RemoteStream::errors : RemoteStream::output, piece);
        co_return;
    };
    auto ran = co_await run_process(context_.get_executor(), std::move(command));
    if (!ran && has_reason(ran.error(), "wait.phase"))
        co_return refusal("remote.timeout", "host " + local_name_ + ": '" + words + "': " + ran.error().text +
                                                last_words(output, errors));
    if (!ran) co_return refusal("remote.ssh", "here: " + ran.error().text);
    RemoteResult all;
    all.status = ran->status;
    all.output = std::move(ran->output);
    all.errors = std::move(ran->errors);
    co_return all;
}

env::task<result<RemoteResult>> SshRemote::run(RemoteHost host, RemoteOptions options, std::vector<std::string> argv,
                                               std::string input, Duration limit) {
    if (host.name == local_name_) {
        auto here = co_await run_here(std::move(options), std::move(argv), std::move(input), limit);
        co_return here;
    }
    MARS_CO_TRY(auto ssh, parse_ssh_options(options.ssh_opts));
    if (!threads_) threads_ = std::make_unique<SessionThreads>();
    const auto key = key_of(host, options);
    auto idle = take_idle(key);
    if (idle) ++reused_;
    auto stop = std::make_shared<std::atomic<bool>>(false);
    auto end = std::chrono::steady_clock::now() + limit;
    auto call = std::make_shared<SshCall>(SshCall{std::move(host), std::move(options), std::move(ssh), std::move(argv),
                                                  std::move(input), limit, end, stop});
    auto executor = context_.get_executor();
    // Text goes to the caller's thread, in order; all of it is there before the wait below ends.
    if (call->options.on_text)
        call->on_text = [executor, listener = call->options.on_text](RemoteStream stream, std::string piece) {
            env::asio::post(executor, [listener, stream, piece = std::move(piece)] { listener(stream, piece); });
        };
    auto start = [&](const std::shared_ptr<env::Waiter<Ended>>& waiter) {
        waiter->on_cancel = [stop] { stop->store(true); }; // the thread ends soon, and completes the wait
        std::weak_ptr<env::Waiter<Ended>> weak = waiter;
        threads_->start([call, idle, weak, executor]() mutable {
            auto ended = std::make_shared<Ended>(work_on(*call, std::move(idle)));
            env::asio::post(executor, [weak, ended] {
                if (auto strong = weak.lock()) strong->complete(std::move(*ended));
            });
        });
    };
    auto ended = co_await env::park<Ended>(lot_, start);
    if (ended.is_new) ++connected_;
    if (ended.session) idle_[key].push_back(std::move(ended.session));
    co_return std::move(ended.answer);
}

} // namespace mars::shell
