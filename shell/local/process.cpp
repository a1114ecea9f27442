// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "shell/local/process_start.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

namespace asio = env::asio;
using StreamDescriptor = asio::posix::stream_descriptor;
constexpr std::size_t kPiece = 65536;

constexpr auto kRestOfOutput = std::chrono::seconds(1);
constexpr auto kFirstWord = std::chrono::seconds(2); // of what is being waited for

std::string span_text(Duration time) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

class Running {
  public:
    Running(const env::executor& executor, Command& command, Pipes pipes, Started started, env::UniqueFd end)
        : command_(command), child_(started.attendant, std::move(started.control)),
          input_(executor, pipes.input.write.release()), output_(executor, pipes.output.read.release()),
          errors_(executor, pipes.errors.read.release()), end_(executor, end.release()), rest_(executor),
          tick_(executor), limit_(executor) {}

    // Also when it is cancelled, it ends only after the program has, or has not for a while after being asked to.
    env::task<ProcessResult> go() {
        using namespace asio::experimental::awaitable_operators;
        ProcessResult result;
        std::exception_ptr error;
        try {
            co_await (feed() && read(output_, false, result.output) && read(errors_, true, result.errors) && ended() &&
                      tell());
        } catch (...) {
            error = std::current_exception();
        }
        // A read that was cancelled looks like the end of the output.
        auto state = co_await asio::this_coro::cancellation_state;
        if (!error && state.cancelled() == asio::cancellation_type::none) {
            result.status = child_.reap();
            result.is_left_open = is_left_open_;
            co_return result;
        }
        co_await asio::this_coro::throw_if_cancelled(false);
        co_await stop();
        if (!is_left_running_ && has_last_word(status_)) {
            result.status = status_;
            drain(output_, result.output);
            drain(errors_, result.errors);
            last_word_ = result;
            co_return result;
        }
        const bool is_cancelled = state.cancelled() != asio::cancellation_type::none;
        if (error && !is_cancelled) std::rethrow_exception(error);
        throw boost::system::system_error(asio::error::operation_aborted);
    }

    // At the time limit the program is told to end; returns when it has not done so for a while. go() goes on
    // meanwhile.
    env::task<void> limit_time(Duration limit) {
        limit_.expires_after(limit);
        auto [ended] = co_await limit_.async_wait(asio::as_tuple(asio::use_awaitable));
        if (ended) co_return;
        end_child();
        limit_.expires_at(*told_ + command_.patience);
        auto [ended_then] = co_await limit_.async_wait(asio::as_tuple(asio::use_awaitable));
        (void)ended_then; // cancelled by the end of go()
    }
    bool was_told_to_end() const { return told_.has_value(); }
    // Whether a program that was told to end, and did so with this status, has a result all the same.
    bool has_last_word(int status) const { return command_.has_last_word && command_.has_last_word(status); }
    // That result, if there is one, after a go() that was cancelled: whoever waited for one of two does not get it.
    std::optional<ProcessResult>& last_word() { return last_word_; }

    // After it was told to end: how that went, for a message.
    std::string end_text() const {
        if (!is_left_running_) return "it was ended";
        return "it was asked to end, and still runs after " + span_text(command_.patience) + "; next: ps --ppid " +
               std::to_string(child_.pid());
    }

  private:
    env::task<void> feed() {
        // A command need not read all of its input.
        co_await asio::async_write(input_, asio::buffer(command_.input), asio::as_tuple(asio::use_awaitable));
        input_.close();
    }
    env::task<void> read(StreamDescriptor& from, bool is_error, std::string& all) {
        std::string buffer(kPiece, '\0');
        while (true) {
            auto [error, count] =
                co_await from.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
            if (error || count == 0) break;
            all.append(buffer, 0, count);
            if (command_.on_text) co_await command_.on_text(is_error, buffer.substr(0, count));
        }
        if (--open_ == 0) rest_.cancel();
    }
    // What has come since nobody reads any more.
    static void drain(StreamDescriptor& from, std::string& all) {
        std::string buffer(kPiece, '\0');
        boost::system::error_code error;
        from.non_blocking(true, error); // who has left something behind keeps the pipe open
        while (!error)
            if (const auto count = from.read_some(asio::buffer(buffer), error); !error) all.append(buffer, 0, count);
    }
    // The end of the program counts; what it has left behind may keep the pipes open for ever.
    env::task<void> ended() {
        auto [error] = co_await end_.async_wait(StreamDescriptor::wait_read, asio::as_tuple(asio::use_awaitable));
        has_ended_ = true;
        tick_.cancel();
        if (error) co_return;
        if (input_.is_open()) input_.cancel();
        if (open_ == 0) co_return;
        rest_.expires_after(kRestOfOutput);
        auto [ignored] = co_await rest_.async_wait(asio::as_tuple(asio::use_awaitable));
        (void)ignored; // cancelled: everything is there
        is_left_open_ = open_ > 0;
        output_.cancel();
        errors_.cancel();
    }
    env::task<void> tell() {
        for (Duration waited = kFirstWord; command_.on_waiting && !has_ended_; waited *= 2) {
            tick_.expires_at(begin_ + waited);
            auto [error] = co_await tick_.async_wait(asio::as_tuple(asio::use_awaitable));
            if (error || has_ended_) co_return;
            command_.on_waiting(waited);
        }
    }
    void end_child() {
        child_.end();
        if (!told_) told_ = std::chrono::steady_clock::now();
    }
    env::task<void> stop() {
        end_child();
        rest_.expires_at(*told_ + command_.patience);
        using namespace asio::experimental::awaitable_operators;
        co_await (end_.async_wait(StreamDescriptor::wait_read, asio::as_tuple(asio::use_awaitable)) ||
                  rest_.async_wait(asio::as_tuple(asio::use_awaitable)));
        is_left_running_ = rest_.expiry() <= std::chrono::steady_clock::now(); // its attendant goes on
        if (!is_left_running_) status_ = child_.reap();
    }

    Command& command_;
    Child child_;
    StreamDescriptor input_;
    StreamDescriptor output_;
    StreamDescriptor errors_;
    StreamDescriptor end_;
    asio::steady_timer rest_;
    asio::steady_timer tick_;
    asio::steady_timer limit_;
    std::optional<std::chrono::steady_clock::time_point> told_; // to end
    int status_ = 0;                                            // after that
    std::optional<ProcessResult> last_word_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    int open_ = 2; // of the two outputs
    bool has_ended_ = false;
    bool is_left_running_ = false;
    bool is_left_open_ = false;
};

} // namespace

env::task<result<ProcessResult>> run_process(env::Env& env, Command command) {
    auto ran = co_await run_process(env.get_executor(), std::move(command));
    co_return ran;
}

env::task<result<ProcessResult>> run_process(env::executor executor, Command command) {
    using namespace asio::experimental::awaitable_operators;
    if (command.argv.empty()) co_return refusal("usage.arg", "no command is given");
    MARS_CO_TRY(auto pipes, make_pipes());
    MARS_CO_TRY(auto started, start_attended(command, pipes));
    pipes.input.read.reset();
    pipes.output.write.reset();
    pipes.errors.write.reset();
    env::UniqueFd end(static_cast<int>(::syscall(SYS_pidfd_open, started.attendant, 0)));
    if (!end) {
        auto why = errno_failure(errno, "cannot wait for " + command.argv[0]);
        Child child(started.attendant, std::move(started.control));
        child.end();
        child.reap();
        co_return why;
    }
    Running running(executor, command, std::move(pipes), std::move(started), std::move(end));
    if (!command.limit) co_return co_await running.go();
    auto first = co_await (running.go() || running.limit_time(*command.limit));
    if (first.index() == 0) {
        auto& ended = std::get<0>(first);
        if (!running.was_told_to_end() || running.has_last_word(ended.status)) co_return std::move(ended);
    }
    if (running.last_word()) co_return std::move(*running.last_word());
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    co_return refusal("wait.phase",
                      command.argv[0] + " took longer than " + span_text(*command.limit) + ", " + running.end_text());
}

} // namespace mars::shell
