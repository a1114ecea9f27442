// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh/ssh_session.hpp"

#include <algorithm>
#include <array>

#include "shell/local/attended.hpp"
#include "shell/ssh/libssh.hpp"
#include "shell/ssh/remote_end.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRestOfOutput = std::chrono::seconds(1);       // after the program's end
constexpr auto kAnswer = std::chrono::seconds(3);             // of who was told to stop
constexpr auto kLimitSlack = std::chrono::milliseconds(2000); // the caller's word comes before the other side's own

struct ChannelCloser {
    void operator()(ssh_channel channel) const {
        ssh_channel_close(channel);
        ssh_channel_free(channel);
    }
};
using ChannelPtr = std::unique_ptr<std::remove_pointer_t<ssh_channel>, ChannelCloser>;

// Everything that has come on one of the two streams.
bool drain(const SshCall& call, ssh_channel channel, RemoteStream stream, std::string& into) {
    std::array<char, 16384> buffer;
    bool any = false;
    while (into.size() < kMostOutput) {
        int n = ssh_channel_read_nonblocking(channel, buffer.data(), buffer.size(), stream == RemoteStream::errors);
        if (n <= 0) return any;
        std::string piece(buffer.data(), static_cast<std::size_t>(n));
        into += piece;
        if (call.on_text) call.on_text(stream, std::move(piece));
        any = true;
    }
    return any;
}

} // namespace

// What is known of the other side when its end cannot be waited for.
failure SshSession::told_to_stop(const SshCall& call, const Conversation& talk, const RemoteResult& so_far) const {
    auto text = "'" + shell_command(call.argv) + "' did not finish";
    if (!call.is_stopped()) {
        auto s = std::chrono::duration_cast<std::chrono::seconds>(call.limit).count();
        text += " within " + std::to_string(s) + " s";
    } else {
        text += " before the interruption";
    }
    if (so_far.status >= 0)
        text += "; it was told to stop there, and has ended with status " + std::to_string(so_far.status);
    else if (!talk.is_attended)
        text += "; the marsadm there is older and does not end with its caller: it goes on there";
    else if (talk.has_mark)
        text += "; it was told to stop there, but its answer did not come: " + std::string(unheard_course(call.argv)) +
                last_words(so_far.output, so_far.errors) + "; next: look there, or give marsadm view here in a moment";
    else
        text += "; it is not known whether it has begun there";
    if (call.is_stopped())
        return failure(std::errc::operation_canceled, "ssh to host " + connection_->name() + ": " + text);
    return refusal("remote.timeout", "ssh to host " + connection_->name() + ": " + text);
}

// The mark comes first of all.
void SshSession::strip_mark(Conversation& talk, std::string& errors) {
    if (!talk.awaits_mark) return;
    const auto length = std::min(errors.size(), kAttendedMark.size());
    if (errors.compare(0, length, kAttendedMark.substr(0, length)) != 0) {
        talk.awaits_mark = false;
    } else if (length == kAttendedMark.size()) {
        talk.has_mark = true;
        talk.awaits_mark = false;
        errors.erase(0, length);
    }
}

bool SshSession::drain_errors(const SshCall& call, ssh_channel channel, Conversation& talk, RemoteResult& into) {
    if (!talk.awaits_mark) return drain(call, channel, RemoteStream::errors, into.errors);
    SshCall quiet = call;
    quiet.on_text = {};
    const bool any = drain(quiet, channel, RemoteStream::errors, into.errors);
    strip_mark(talk, into.errors);
    if (!talk.awaits_mark && !into.errors.empty() && call.on_text) call.on_text(RemoteStream::errors, into.errors);
    return any;
}

result<void> SshSession::read_all(const SshCall& call, ssh_channel channel, Conversation& talk, RemoteResult& into) {
    std::optional<Clock::time_point> rest_end; // the program has ended, its output may be held by something else
    std::optional<Clock::time_point> answer_end;
    auto next_sign = Clock::now() + std::chrono::seconds(kAliveEverySeconds);
    into.status = -1;
    while (true) {
        bool any = drain(call, channel, RemoteStream::output, into.output);
        any = drain_errors(call, channel, talk, into) || any;
        const auto now = Clock::now();
        if (into.output.size() >= kMostOutput || into.errors.size() >= kMostOutput)
            return connection_->failed(call, "'" + shell_command(call.argv) + "' printed too much");
        if (into.status < 0) into.status = ssh_channel_get_exit_status(channel);
        if (into.status >= 0 && !rest_end) rest_end = now + kRestOfOutput;
        const bool is_eof = !any && ssh_channel_is_eof(channel);
        const bool has_ended = into.status >= 0 && (is_eof || now >= *rest_end);
        if (has_ended && answer_end && !is_own_end(call.argv, into.status)) return told_to_stop(call, talk, into);
        if (has_ended) return {};
        if (is_eof && ssh_channel_is_closed(channel))
            return connection_->failed(call, "'" + shell_command(call.argv) + "' did not end orderly");
        if (!ssh_is_connected(connection_->session()))
            return connection_->failed(call, "the connection broke during '" + shell_command(call.argv) + "'" +
                                                 (talk.has_mark ? "; when that is noticed there, it is told to stop: " +
                                                                      std::string(unheard_course(call.argv)) +
                                                                      last_words(into.output, into.errors)
                                                                : std::string()));
        if (call.is_stopped() || call.is_late()) {
            if (!talk.is_attended || (answer_end && now >= *answer_end)) return told_to_stop(call, talk, into);
            if (!answer_end) {
                answer_end = now + kAnswer;
                (void)ssh_channel_send_eof(channel); // a broken connection shows in the next turn
            }
        } else if (talk.is_attended && now >= next_sign) {
            next_sign = now + std::chrono::seconds(kAliveEverySeconds);
            (void)ssh_channel_write(channel, "\n", 1); // likewise
        }
        if (!any) connection_->wait_for_traffic();
    }
}

// Reads nothing meanwhile: the commands that get an input read all of it before they answer.
result<void> SshSession::write_all(const SshCall& call, ssh_channel channel, bool is_attended) {
    std::string_view rest = call.input;
    while (!rest.empty()) {
        const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(rest.size(), 32768));
        int n = ssh_channel_write(channel, rest.data(), most);
        if (n == SSH_AGAIN) n = 0;
        if (n < 0 || call.is_stopped() || call.is_late())
            return connection_->failed(call, "cannot send the input of '" + shell_command(call.argv) + "'");
        rest.remove_prefix(static_cast<std::size_t>(n));
        if (n == 0) connection_->wait_for_traffic();
    }
    if (!is_attended) (void)ssh_channel_send_eof(channel); // who does not read its input may have closed it
    return {};
}

result<RemoteResult> SshSession::converse(const SshCall& call, bool& has_started, bool is_attended) {
    const auto rest =
        std::chrono::duration_cast<std::chrono::milliseconds>(call.end - std::chrono::steady_clock::now());
    const auto limit_ms = std::max<long>(0, rest.count()) + kLimitSlack.count();
    const auto command =
        shell_command(is_attended ? attended_command(call.argv, limit_ms, call.input.size()) : call.argv);
    Conversation talk;
    talk.is_attended = talk.awaits_mark = is_attended;
    ChannelPtr channel(ssh_channel_new(connection_->session()));
    if (!channel ||
        connection_->patiently(call, SSH_AGAIN, [&] { return ssh_channel_open_session(channel.get()); }) != SSH_OK)
        return connection_->failed(call, "cannot open a channel");
    has_started = true;
    if (connection_->patiently(call, SSH_AGAIN,
                               [&] { return ssh_channel_request_exec(channel.get(), command.c_str()); }) != SSH_OK)
        return connection_->failed(call, "cannot run '" + shell_command(call.argv) + "'");
    MARS_TRY_VOID(write_all(call, channel.get(), is_attended));
    RemoteResult all;
    MARS_TRY_VOID(read_all(call, channel.get(), talk, all));
    // Older releases refuse the option before they do anything.
    if (is_attended && !talk.has_mark && all.status == 2 &&
        all.errors.find("unknown option --attended") != std::string::npos)
        is_old_ = true;
    return all;
}

result<RemoteResult> SshSession::run(const SshCall& call, bool& has_started) {
    has_started = false;
    const bool was_old = is_old_;
    auto ran = converse(call, has_started, !is_old_);
    if (ran && is_old_ && !was_old) ran = converse(call, has_started, false);
    return ran;
}

} // namespace mars::shell
