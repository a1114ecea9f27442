// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh_session.hpp"

#include <libssh/libssh.h>
#include <poll.h>

#include <algorithm>
#include <array>

#include "kernel/base/late_library.hpp"
#include "shell/reason.hpp"

namespace mars::shell {

namespace {

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
MARS_LATE_FUNCTION(libssh, ssh_options_parse_config);
MARS_LATE_FUNCTION(libssh, ssh_options_set);
MARS_LATE_FUNCTION(libssh, ssh_session_is_known_server);
MARS_LATE_FUNCTION(libssh, ssh_session_update_known_hosts);
MARS_LATE_FUNCTION(libssh, ssh_set_blocking);
MARS_LATE_FUNCTION(libssh, ssh_string_free_char);
MARS_LATE_FUNCTION(libssh, ssh_userauth_none);
MARS_LATE_FUNCTION(libssh, ssh_userauth_publickey_auto);

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
    renew();
}

SshSession::~SshSession() {
    if (!session_) return;
    ssh_disconnect(session_);
    ssh_free(session_);
}

void SshSession::renew() {
    if (session_) {
        ssh_disconnect(session_);
        ssh_free(session_);
    }
    session_ = ssh_new();
    if (session_) ssh_set_blocking(session_, 0);
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

// The configuration file first: what is said on the command line wins. `address`: instead of the name, if not empty.
result<void> SshSession::configure(const SshCall& call, const std::string& address) {
    const auto& ssh = call.ssh;
    MARS_TRY_VOID(set(call, SSH_OPTIONS_HOST, name_.c_str(), "host"));
    const char* file = ssh.config_file ? ssh.config_file->c_str() : nullptr;
    if (ssh_options_parse_config(session_, file) != 0) return failed(call, "cannot read the ssh configuration");
    if (!address.empty()) MARS_TRY_VOID(set(call, SSH_OPTIONS_HOST, address.c_str(), "address"));
    char* user = nullptr;
    bool has_user = ssh_options_get(session_, SSH_OPTIONS_USER, &user) == 0 && user != nullptr;
    ssh_string_free_char(user);
    if (ssh.user || !has_user) MARS_TRY_VOID(set(call, SSH_OPTIONS_USER, ssh.user.value_or("root").c_str(), "user"));
    unsigned port = static_cast<unsigned>(call.options.port != 0 ? call.options.port : ssh.port.value_or(0));
    if (port != 0) MARS_TRY_VOID(set(call, SSH_OPTIONS_PORT, &port, "port"));
    for (const auto& identity : ssh.identity_files)
        MARS_TRY_VOID(set(call, SSH_OPTIONS_IDENTITY, identity.c_str(), "identity"));
    if (ssh.known_hosts_file)
        MARS_TRY_VOID(set(call, SSH_OPTIONS_KNOWNHOSTS, ssh.known_hosts_file->c_str(), "known_hosts file"));
    return {};
}

result<void> SshSession::connect_to(const SshCall& call, const std::string& address,
                                    std::chrono::steady_clock::time_point end) {
    renew();
    if (!session_) return failed(call, "cannot begin");
    MARS_TRY_VOID(configure(call, address));
    bool is_over = false;
    int code = patiently(call, SSH_AGAIN, [&] {
        is_over = std::chrono::steady_clock::now() > end;
        return is_over ? SSH_ERROR : ssh_connect(session_);
    });
    if (code == SSH_OK) return {};
    const std::string where = address.empty() ? "" : " to " + address;
    if (is_over && !call.is_late())
        return refusal("remote.ssh", "ssh to host " + name_ + ": no connection" + where + " in time");
    return failed(call, "cannot connect" + where);
}

// By name, as the user's configuration has it, and else by the address from the tree.
result<void> SshSession::connect(const SshCall& call) {
    Duration each = call.options.connect_timeout;
    if (call.ssh.connect_timeout_s) each = std::chrono::seconds(*call.ssh.connect_timeout_s);
    auto by_name = connect_to(call, {}, std::chrono::steady_clock::now() + each);
    if (by_name || call.host.address.empty() || call.host.address == name_) return by_name;
    if (call.is_stopped() || call.is_late()) return by_name;
    auto by_address = connect_to(call, call.host.address, std::chrono::steady_clock::now() + each);
    if (by_address) return {};
    return refusal(call.is_late() ? Reason("remote.timeout") : Reason("remote.ssh"),
                   by_name.error().text + "; " + by_address.error().text);
}

result<void> SshSession::check_host_key(const SshCall& call) {
    const auto state = ssh_session_is_known_server(session_);
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

result<void> SshSession::read_all(const SshCall& call, ssh_channel channel, RemoteResult& into) {
    const std::string command = "'" + shell_command(call.argv) + "'";
    while (true) {
        bool any = drain(call, channel, RemoteStream::output, into.output);
        any = drain(call, channel, RemoteStream::errors, into.errors) || any;
        if (into.output.size() >= kMostOutput || into.errors.size() >= kMostOutput)
            return failed(call, command + " printed too much");
        if (!any && ssh_channel_is_eof(channel)) return {};
        if (!ssh_is_connected(session_)) return failed(call, "the connection broke during " + command);
        if (call.is_stopped() || call.is_late()) return failed(call, command + " did not finish");
        if (!any) wait_for_traffic(session_);
    }
}

// Reads nothing meanwhile: the commands that get an input read all of it before they answer.
result<void> SshSession::write_all(const SshCall& call, ssh_channel channel) {
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
    (void)ssh_channel_send_eof(channel); // a command that does not read its input may have closed it
    return {};
}

result<RemoteResult> SshSession::run(const SshCall& call, bool& has_started) {
    has_started = false;
    const auto command = shell_command(call.argv);
    ChannelPtr channel(ssh_channel_new(session_));
    if (!channel || patiently(call, SSH_AGAIN, [&] { return ssh_channel_open_session(channel.get()); }) != SSH_OK)
        return failed(call, "cannot open a channel");
    has_started = true;
    if (patiently(call, SSH_AGAIN, [&] { return ssh_channel_request_exec(channel.get(), command.c_str()); }) != SSH_OK)
        return failed(call, "cannot run '" + command + "'");
    MARS_TRY_VOID(write_all(call, channel.get()));
    RemoteResult all;
    MARS_TRY_VOID(read_all(call, channel.get(), all));
    // The status comes after the end of the output.
    int status = patiently(call, SSH_AGAIN, [&] {
        int code = ssh_channel_get_exit_status(channel.get());
        return code < 0 && !ssh_channel_is_closed(channel.get()) && ssh_is_connected(session_) ? SSH_AGAIN : code;
    });
    if (status < 0) return failed(call, "'" + command + "' did not end orderly");
    all.status = status;
    return all;
}

} // namespace mars::shell
