// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh_session.hpp"

#include <libssh/libssh.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "shell/reason.hpp"

namespace mars::shell {

namespace {

constexpr int kPollMilliseconds = 100; // how soon a cancelled call ends
constexpr std::size_t kMostOutput = std::size_t{16} << 20;

struct SessionCloser {
    void operator()(ssh_session session) const {
        ssh_disconnect(session);
        ssh_free(session);
    }
};
struct ChannelCloser {
    void operator()(ssh_channel channel) const {
        ssh_channel_close(channel);
        ssh_channel_free(channel);
    }
};
struct KeyFree {
    void operator()(ssh_key key) const { ssh_key_free(key); }
};
using SessionPtr = std::unique_ptr<std::remove_pointer_t<ssh_session>, SessionCloser>;
using ChannelPtr = std::unique_ptr<std::remove_pointer_t<ssh_channel>, ChannelCloser>;
using KeyPtr = std::unique_ptr<std::remove_pointer_t<ssh_key>, KeyFree>;

class SshSession {
  public:
    explicit SshSession(const SshCall& call) : call_(call), session_(ssh_new()) {}

    result<RemoteResult> run();

  private:
    failure failed(const std::string& what) const;
    result<void> set(ssh_options_e option, const void* value, std::string_view what);
    result<void> configure(const std::string& address);
    result<void> connect();
    result<void> check_host_key();
    result<void> log_in();
    result<RemoteResult> execute();
    result<void> read_all(ssh_channel channel, RemoteResult& into);
    std::string name() const { return call_.host.name; }

    const SshCall& call_;
    SessionPtr session_;
};

failure SshSession::failed(const std::string& what) const {
    std::string why = session_ ? ssh_get_error(session_.get()) : "out of memory";
    return refusal("remote.ssh", "ssh to host " + name() + ": " + what + (why.empty() ? "" : ": " + why));
}

result<void> SshSession::set(ssh_options_e option, const void* value, std::string_view what) {
    if (ssh_options_set(session_.get(), option, value) == 0) return {};
    return failed("cannot set the " + std::string(what));
}

// The configuration file first: what is said on the command line wins. `address`: instead of the name, if not empty.
result<void> SshSession::configure(const std::string& address) {
    const auto& ssh = call_.ssh;
    MARS_TRY_VOID(set(SSH_OPTIONS_HOST, name().c_str(), "host"));
    const char* file = ssh.config_file ? ssh.config_file->c_str() : nullptr;
    if (ssh_options_parse_config(session_.get(), file) != 0) return failed("cannot read the ssh configuration");
    if (!address.empty()) MARS_TRY_VOID(set(SSH_OPTIONS_HOST, address.c_str(), "address"));
    char* user = nullptr;
    bool has_user = ssh_options_get(session_.get(), SSH_OPTIONS_USER, &user) == 0 && user != nullptr;
    ssh_string_free_char(user);
    if (ssh.user || !has_user) MARS_TRY_VOID(set(SSH_OPTIONS_USER, ssh.user.value_or("root").c_str(), "user"));
    unsigned port = static_cast<unsigned>(call_.options.port != 0 ? call_.options.port : ssh.port.value_or(0));
    if (port != 0) MARS_TRY_VOID(set(SSH_OPTIONS_PORT, &port, "port"));
    for (const auto& identity : ssh.identity_files)
        MARS_TRY_VOID(set(SSH_OPTIONS_IDENTITY, identity.c_str(), "identity"));
    if (ssh.known_hosts_file)
        MARS_TRY_VOID(set(SSH_OPTIONS_KNOWNHOSTS, ssh.known_hosts_file->c_str(), "known_hosts file"));
    long timeout = ssh.connect_timeout_s.value_or(
        std::chrono::duration_cast<std::chrono::seconds>(call_.options.connect_timeout).count());
    return set(SSH_OPTIONS_TIMEOUT, &timeout, "timeout");
}

result<void> SshSession::connect() {
    MARS_TRY_VOID(configure({}));
    if (ssh_connect(session_.get()) == SSH_OK) return {};
    auto by_name = failed("cannot connect");
    if (call_.host.address.empty() || call_.host.address == name() || *call_.stop) return by_name;
    session_.reset(ssh_new());
    MARS_TRY_VOID(configure(call_.host.address));
    if (ssh_connect(session_.get()) == SSH_OK) return {};
    auto by_address = failed("cannot connect to " + call_.host.address);
    return refusal("remote.ssh", by_name.text + "; " + by_address.text);
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

result<void> SshSession::check_host_key() {
    const auto state = ssh_session_is_known_server(session_.get());
    const auto print = fingerprint(session_.get());
    switch (state) {
    case SSH_KNOWN_HOSTS_OK:
        return {};
    case SSH_KNOWN_HOSTS_NOT_FOUND:
    case SSH_KNOWN_HOSTS_UNKNOWN:
        if (call_.options.accept_new_host_keys || call_.ssh.accept_new_host_keys) {
            if (ssh_session_update_known_hosts(session_.get()) == SSH_OK) return {};
            return failed("cannot remember the key of the host");
        }
        return refusal("remote.ssh",
                       "the ssh host key of " + name() + " is not known: " + print +
                           "; compare it with ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there, then accept it "
                           "with --ssh-accept-new, or once by hand: ssh root@" +
                           name());
    case SSH_KNOWN_HOSTS_CHANGED:
    case SSH_KNOWN_HOSTS_OTHER:
        return refusal("remote.ssh", "the ssh host key of " + name() + " has CHANGED, it is now " + print +
                                         ": somebody may be in between, or the host was installed again; if it was, "
                                         "ssh-keygen -R " +
                                         name());
    case SSH_KNOWN_HOSTS_ERROR:
        return failed("cannot check the key of the host");
    }
    return failed("cannot check the key of the host");
}

result<void> SshSession::log_in() {
    if (ssh_userauth_none(session_.get(), nullptr) == SSH_AUTH_SUCCESS) return {};
    if (ssh_userauth_publickey_auto(session_.get(), nullptr, nullptr) == SSH_AUTH_SUCCESS) return {};
    return refusal("remote.ssh", "host " + name() +
                                     " does not let this user log in by ssh with a key (agent, ~/.ssh, or "
                                     "--ssh-opts='-i FILE'); next: ssh-copy-id root@" +
                                     name());
}

// Everything that has come on one of the two streams.
bool drain(ssh_channel channel, bool is_errors, std::string& into) {
    std::array<char, 16384> buffer;
    bool any = false;
    while (into.size() < kMostOutput) {
        int n = ssh_channel_read_nonblocking(channel, buffer.data(), buffer.size(), is_errors ? 1 : 0);
        if (n <= 0) return any;
        into.append(buffer.data(), static_cast<std::size_t>(n));
        any = true;
    }
    return any;
}

result<void> SshSession::read_all(ssh_channel channel, RemoteResult& into) {
    const auto end = std::chrono::steady_clock::now() + call_.limit;
    while (true) {
        bool any = drain(channel, false, into.output);
        any = drain(channel, true, into.errors) || any;
        if (into.output.size() >= kMostOutput || into.errors.size() >= kMostOutput)
            return failed("'" + call_.command + "' printed too much");
        if (!any && ssh_channel_is_eof(channel)) return {};
        if (*call_.stop) return failure(std::errc::operation_canceled, "interrupted");
        if (std::chrono::steady_clock::now() > end) return failed("'" + call_.command + "' did not finish in time");
        if (!any) (void)ssh_channel_poll_timeout(channel, kPollMilliseconds, 0); // errors show in the next round
    }
}

result<RemoteResult> SshSession::execute() {
    ChannelPtr channel(ssh_channel_new(session_.get()));
    if (!channel || ssh_channel_open_session(channel.get()) != SSH_OK) return failed("cannot open a channel");
    if (ssh_channel_request_exec(channel.get(), call_.command.c_str()) != SSH_OK)
        return failed("cannot run '" + call_.command + "'");
    if (!call_.input.empty() &&
        ssh_channel_write(channel.get(), call_.input.data(), static_cast<std::uint32_t>(call_.input.size())) < 0)
        return failed("cannot send the input of '" + call_.command + "'");
    (void)ssh_channel_send_eof(channel.get()); // a command that does not read its input may have closed it
    RemoteResult all;
    MARS_TRY_VOID(read_all(channel.get(), all));
    int status = ssh_channel_get_exit_status(channel.get()); // -1: ended by a signal, or the connection broke
    if (status < 0) return failed("'" + call_.command + "' did not end orderly");
    all.status = status;
    return all;
}

result<RemoteResult> SshSession::run() {
    if (!session_) return failed("cannot begin");
    MARS_TRY_VOID(connect());
    MARS_TRY_VOID(check_host_key());
    MARS_TRY_VOID(log_in());
    return execute();
}

} // namespace

result<RemoteResult> run_over_ssh(const SshCall& call) {
    SshSession session(call);
    return session.run();
}

} // namespace mars::shell
