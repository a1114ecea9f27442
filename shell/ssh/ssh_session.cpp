// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh/ssh_session.hpp"

#include <libssh/libssh.h>
#include <poll.h>

#include <algorithm>
#include <array>

#include "kernel/base/late_library.hpp"
#include "shell/local/attended.hpp"
#include "shell/ssh/remote_end.hpp"
#include "shell/ssh/ssh_connect.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

using Clock = std::chrono::steady_clock;
constinit LateLibrary libssh("libssh.so.4", "libssh-4");
MARS_LATE_FUNCTION(libssh, ssh_channel_close);
MARS_LATE_FUNCTION(libssh, ssh_channel_free);
MARS_LATE_FUNCTION(libssh, ssh_channel_get_exit_status);
MARS_LATE_FUNCTION(libssh, ssh_channel_is_closed);
MARS_LATE_FUNCTION(libssh, ssh_channel_is_eof);
MARS_LATE_FUNCTION(libssh, ssh_channel_new);
MARS_LATE_FUNCTION(libssh, ssh_channel_open_session);
MARS_LATE_FUNCTION(libssh, ssh_channel_read_nonblocking);
MARS_LATE_FUNCTION(libssh, ssh_channel_request_exec);
MARS_LATE_FUNCTION(libssh, ssh_channel_send_eof);
MARS_LATE_FUNCTION(libssh, ssh_channel_write);
MARS_LATE_FUNCTION(libssh, ssh_clean_pubkey_hash);
MARS_LATE_FUNCTION(libssh, ssh_connect);
MARS_LATE_FUNCTION(libssh, ssh_disconnect);
MARS_LATE_FUNCTION(libssh, ssh_free);
MARS_LATE_FUNCTION(libssh, ssh_get_error);
MARS_LATE_FUNCTION(libssh, ssh_get_fd);
MARS_LATE_FUNCTION(libssh, ssh_get_fingerprint_hash);
MARS_LATE_FUNCTION(libssh, ssh_get_poll_flags);
MARS_LATE_FUNCTION(libssh, ssh_get_publickey_hash);
MARS_LATE_FUNCTION(libssh, ssh_get_server_publickey);
MARS_LATE_FUNCTION(libssh, ssh_is_connected);
MARS_LATE_FUNCTION(libssh, ssh_key_free);
MARS_LATE_FUNCTION(libssh, ssh_key_type);
MARS_LATE_FUNCTION(libssh, ssh_key_type_to_char);
MARS_LATE_FUNCTION(libssh, ssh_new);
MARS_LATE_FUNCTION(libssh, ssh_options_get);
MARS_LATE_FUNCTION(libssh, ssh_options_get_port);
MARS_LATE_FUNCTION(libssh, ssh_options_parse_config);
MARS_LATE_FUNCTION(libssh, ssh_options_set);
MARS_LATE_FUNCTION(libssh, ssh_session_is_known_server);
MARS_LATE_FUNCTION(libssh, ssh_session_update_known_hosts);
MARS_LATE_FUNCTION(libssh, ssh_set_blocking);
MARS_LATE_FUNCTION(libssh, ssh_string_free_char);
MARS_LATE_FUNCTION(libssh, ssh_userauth_none);
MARS_LATE_FUNCTION(libssh, ssh_userauth_publickey_auto);

constexpr auto kRestOfOutput = std::chrono::seconds(1);       // after the program's end
constexpr auto kAnswer = std::chrono::seconds(3);             // of who was told to stop
constexpr auto kLimitSlack = std::chrono::milliseconds(2000); // the caller's word comes before the other side's own

struct ChannelCloser {
    void operator()(ssh_channel channel) const {
        ssh_channel_close(channel);
        ssh_channel_free(channel);
    }
};
struct KeyFree {
    void operator()(ssh_key key) const { ssh_key_free(key); }
};
using ChannelPtr = std::unique_ptr<std::remove_pointer_t<ssh_channel>, ChannelCloser>;
using KeyPtr = std::unique_ptr<std::remove_pointer_t<ssh_key>, KeyFree>;

// Until something may have happened on the connection, or a moment has passed.
void wait_for_traffic(ssh_session session) {
    pollfd one{};
    one.fd = ssh_get_fd(session);
    one.events = POLLIN;
    if ((ssh_get_poll_flags(session) & SSH_WRITE_PENDING) != 0) one.events |= POLLOUT;
    (void)::poll(&one, one.fd >= 0 ? 1 : 0, kPollMilliseconds); // an error shows in the next step
}

std::string fingerprint(ssh_session session) {
    ssh_key raw = nullptr;
    if (ssh_get_server_publickey(session, &raw) != SSH_OK) return "unknown";
    KeyPtr key(raw);
    unsigned char* hash = nullptr;
    std::size_t length = 0;
    if (ssh_get_publickey_hash(key.get(), SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != 0) return "unknown";
    char* text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
    std::string all = std::string(ssh_key_type_to_char(ssh_key_type(key.get()))) + " " + (text ? text : "unknown");
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
    return all;
}

} // namespace

SshSession::SshSession(const std::string& name) : name_(name) {
    session_ = ssh_new();
    if (session_) ssh_set_blocking(session_, 0);
}

SshSession::~SshSession() {
    if (!session_) return;
    ssh_disconnect(session_);
    ssh_free(session_);
}

failure SshSession::failed(const SshCall& call, const std::string& what) const {
    if (call.is_stopped()) return failure(std::errc::operation_canceled, "interrupted");
    if (call.is_late()) {
        auto s = std::chrono::duration_cast<std::chrono::seconds>(call.limit).count();
        return refusal("remote.timeout", "ssh to host " + name_ + ": " + what + " within " + std::to_string(s) + " s");
    }
    std::string why = session_ ? ssh_get_error(session_) : "out of memory";
    return refusal("remote.ssh", "ssh to host " + name_ + ": " + what + (why.empty() ? "" : ": " + why));
}

// `again`: what `step` returns when it would have to wait.
template<class Step>
int SshSession::patiently(const SshCall& call, int again, Step step) {
    while (true) {
        const int code = step();
        if (code != again) return code;
        if (call.is_stopped() || call.is_late()) return SSH_ERROR;
        wait_for_traffic(session_);
    }
}

result<void> SshSession::set(const SshCall& call, int option, const void* value, std::string_view what) {
    if (ssh_options_set(session_, static_cast<ssh_options_e>(option), value) == 0) return {};
    return failed(call, "cannot set the " + std::string(what));
}

// The configuration file first: what is said on the command line wins.
result<void> SshSession::configure(const SshCall& call) {
    const auto& ssh = call.ssh;
    MARS_TRY_VOID(set(call, SSH_OPTIONS_HOST, name_.c_str(), "host"));
    const char* file = ssh.config_file ? ssh.config_file->c_str() : nullptr;
    if (ssh_options_parse_config(session_, file) != 0) return failed(call, "cannot read the ssh configuration");
    if (ssh.user || option(SSH_OPTIONS_USER).empty())
        MARS_TRY_VOID(set(call, SSH_OPTIONS_USER, ssh.user.value_or("root").c_str(), "user"));
    unsigned port = static_cast<unsigned>(call.options.port != 0 ? call.options.port : ssh.port.value_or(0));
    if (port != 0) MARS_TRY_VOID(set(call, SSH_OPTIONS_PORT, &port, "port"));
    for (const auto& identity : ssh.identity_files)
        MARS_TRY_VOID(set(call, SSH_OPTIONS_IDENTITY, identity.c_str(), "identity"));
    if (ssh.known_hosts_file)
        MARS_TRY_VOID(set(call, SSH_OPTIONS_KNOWNHOSTS, ssh.known_hosts_file->c_str(), "known_hosts file"));
    return {};
}

std::string SshSession::option(int which) const {
    char* value = nullptr;
    const bool has_value = ssh_options_get(session_, static_cast<ssh_options_e>(which), &value) == 0 && value;
    std::string text = has_value ? value : "";
    ssh_string_free_char(value);
    return text;
}

// To the address from the tree, or the name by the resolver; the configuration and the keys are those of the name.
result<void> SshSession::open_socket(const SshCall& call, std::chrono::steady_clock::time_point end) {
    ConnectTarget target;
    target.name = option(SSH_OPTIONS_HOST);
    const bool is_configured = target.name != name_; // the caller's configuration knows better than the tree
    if (!is_configured) target.address = call.host.address;
    unsigned port = 22;
    (void)ssh_options_get_port(session_, &port); // stays 22
    target.port = static_cast<int>(port);
    auto socket = connect_to_host(target, end, [&] { return !call.is_stopped(); });
    if (!socket && call.is_stopped()) return failed(call, "no connection");
    if (!socket)
        return refusal(call.is_late() ? Reason("remote.timeout") : Reason("remote.ssh"),
                       "ssh to host " + name_ + ": " + socket.error().text);
    const int fd = socket->get();
    MARS_TRY_VOID(set(call, SSH_OPTIONS_FD, &fd, "socket"));
    (void)socket->release(); // libssh closes it
    return {};
}

result<void> SshSession::connect(const SshCall& call) {
    Duration most = call.options.connect_timeout;
    if (call.ssh.connect_timeout_s) most = std::chrono::seconds(*call.ssh.connect_timeout_s);
    const auto end = std::min(call.end, std::chrono::steady_clock::now() + most);
    if (!session_) return failed(call, "cannot begin");
    MARS_TRY_VOID(configure(call));
    if (option(SSH_OPTIONS_PROXYCOMMAND).empty()) MARS_TRY_VOID(open_socket(call, end));
    bool is_over = false;
    int code = patiently(call, SSH_AGAIN, [&] {
        is_over = std::chrono::steady_clock::now() > end;
        return is_over ? SSH_ERROR : ssh_connect(session_);
    });
    if (code == SSH_OK) return {};
    if (is_over && !call.is_late())
        return refusal("remote.ssh", "ssh to host " + name_ + ": it has accepted the connection, but says nothing");
    return failed(call, "cannot connect");
}

// By the name; a key that is known for the address alone is as good.
int SshSession::known_state(const SshCall& call) {
    const int by_name = ssh_session_is_known_server(session_);
    const bool is_unknown = by_name == SSH_KNOWN_HOSTS_NOT_FOUND || by_name == SSH_KNOWN_HOSTS_UNKNOWN;
    if (!is_unknown || call.host.address.empty()) return by_name;
    const auto name = option(SSH_OPTIONS_HOST);
    if (!set(call, SSH_OPTIONS_HOST, call.host.address.c_str(), "address")) return by_name;
    const int by_address = ssh_session_is_known_server(session_);
    if (!set(call, SSH_OPTIONS_HOST, name.c_str(), "host")) return SSH_KNOWN_HOSTS_ERROR;
    return by_address == SSH_KNOWN_HOSTS_NOT_FOUND ? by_name : by_address;
}

result<void> SshSession::check_host_key(const SshCall& call) {
    const int state = known_state(call);
    const auto print = fingerprint(session_);
    switch (state) {
    case SSH_KNOWN_HOSTS_OK:
        return {};
    case SSH_KNOWN_HOSTS_NOT_FOUND:
    case SSH_KNOWN_HOSTS_UNKNOWN:
        if (call.options.accept_new_host_keys || call.ssh.accept_new_host_keys) {
            if (ssh_session_update_known_hosts(session_) == SSH_OK) return {};
            return failed(call, "cannot remember the key of the host");
        }
        return refusal("remote.ssh",
                       "the ssh host key of " + name_ + " is not known: " + print +
                           "; compare it with ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there, then accept it "
                           "with --ssh-accept-new, or once by hand: ssh root@" +
                           name_);
    case SSH_KNOWN_HOSTS_CHANGED:
    case SSH_KNOWN_HOSTS_OTHER:
        return refusal("remote.ssh", "the ssh host key of " + name_ + " has CHANGED, it is now " + print +
                                         ": somebody may be in between, or the host was installed again; if it was, "
                                         "ssh-keygen -R " +
                                         name_);
    case SSH_KNOWN_HOSTS_ERROR:
        return failed(call, "cannot check the key of the host");
    }
    return failed(call, "cannot check the key of the host");
}

result<void> SshSession::log_in(const SshCall& call) {
    if (patiently(call, SSH_AUTH_AGAIN, [&] { return ssh_userauth_none(session_, nullptr); }) == SSH_AUTH_SUCCESS)
        return {};
    int code = patiently(call, SSH_AUTH_AGAIN, [&] { return ssh_userauth_publickey_auto(session_, nullptr, nullptr); });
    if (code == SSH_AUTH_SUCCESS) return {};
    if (call.is_stopped() || call.is_late()) return failed(call, "no login");
    return refusal("remote.ssh", "host " + name_ +
                                     " does not let this user log in by ssh with a key (agent, ~/.ssh, or "
                                     "--ssh-opts='-i FILE'); next: ssh-copy-id root@" +
                                     name_);
}

result<std::unique_ptr<SshSession>> SshSession::open(const SshCall& call) {
    std::unique_ptr<SshSession> session(new SshSession(call.host.name));
    MARS_TRY_VOID(session->connect(call));
    MARS_TRY_VOID(session->check_host_key(call));
    MARS_TRY_VOID(session->log_in(call));
    return session;
}

namespace {

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
    if (call.is_stopped()) return failure(std::errc::operation_canceled, "ssh to host " + name_ + ": " + text);
    return refusal("remote.timeout", "ssh to host " + name_ + ": " + text);
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
            return failed(call, "'" + shell_command(call.argv) + "' printed too much");
        if (into.status < 0) into.status = ssh_channel_get_exit_status(channel);
        if (into.status >= 0 && !rest_end) rest_end = now + kRestOfOutput;
        const bool is_eof = !any && ssh_channel_is_eof(channel);
        const bool has_ended = into.status >= 0 && (is_eof || now >= *rest_end);
        if (has_ended && answer_end && !is_own_end(call.argv, into.status)) return told_to_stop(call, talk, into);
        if (has_ended) return {};
        if (is_eof && ssh_channel_is_closed(channel))
            return failed(call, "'" + shell_command(call.argv) + "' did not end orderly");
        if (!ssh_is_connected(session_))
            return failed(call, "the connection broke during '" + shell_command(call.argv) + "'" +
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
        if (!any) wait_for_traffic(session_);
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
            return failed(call, "cannot send the input of '" + shell_command(call.argv) + "'");
        rest.remove_prefix(static_cast<std::size_t>(n));
        if (n == 0) wait_for_traffic(session_);
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
    ChannelPtr channel(ssh_channel_new(session_));
    if (!channel || patiently(call, SSH_AGAIN, [&] { return ssh_channel_open_session(channel.get()); }) != SSH_OK)
        return failed(call, "cannot open a channel");
    has_started = true;
    if (patiently(call, SSH_AGAIN, [&] { return ssh_channel_request_exec(channel.get(), command.c_str()); }) != SSH_OK)
        return failed(call, "cannot run '" + shell_command(call.argv) + "'");
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
