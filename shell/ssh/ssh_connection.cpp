// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh/ssh_connection.hpp"

#include <poll.h>

#include <algorithm>

#include "shell/ssh/libssh.hpp"
#include "shell/ssh/ssh_connect.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

struct KeyFree {
    void operator()(ssh_key key) const { ssh_key_free(key); }
};
using KeyPtr = std::unique_ptr<std::remove_pointer_t<ssh_key>, KeyFree>;

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

SshConnection::SshConnection(const std::string& name) : name_(name) {
    session_ = ssh_new();
    if (session_) ssh_set_blocking(session_, 0);
}

SshConnection::~SshConnection() {
    if (!session_) return;
    ssh_disconnect(session_);
    ssh_free(session_);
}

failure SshConnection::failed(const SshCall& call, const std::string& what) const {
    if (call.is_stopped()) return failure(std::errc::operation_canceled, "interrupted");
    if (call.is_late()) {
        auto s = std::chrono::duration_cast<std::chrono::seconds>(call.limit).count();
        return refusal("remote.timeout", "ssh to host " + name_ + ": " + what + " within " + std::to_string(s) + " s");
    }
    std::string why = session_ ? ssh_get_error(session_) : "out of memory";
    return refusal("remote.ssh", "ssh to host " + name_ + ": " + what + (why.empty() ? "" : ": " + why));
}

void SshConnection::wait_for_traffic() {
    pollfd one{};
    one.fd = ssh_get_fd(session_);
    one.events = POLLIN;
    if ((ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0) one.events |= POLLOUT;
    (void)::poll(&one, one.fd >= 0 ? 1 : 0, kPollMilliseconds); // an error shows in the next step
}

int SshConnection::patiently(const SshCall& call, int again, const std::function<int()>& step) {
    while (true) {
        const int code = step();
        if (code != again) return code;
        if (call.is_stopped() || call.is_late()) return SSH_ERROR;
        wait_for_traffic();
    }
}

result<void> SshConnection::set(const SshCall& call, int option, const void* value, std::string_view what) {
    if (ssh_options_set(session_, static_cast<ssh_options_e>(option), value) == 0) return {};
    return failed(call, "cannot set the " + std::string(what));
}

// The configuration file first: what is said on the command line wins.
result<void> SshConnection::configure(const SshCall& call) {
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

std::string SshConnection::option(int which) const {
    char* value = nullptr;
    const bool has_value = ssh_options_get(session_, static_cast<ssh_options_e>(which), &value) == 0 && value;
    std::string text = has_value ? value : "";
    ssh_string_free_char(value);
    return text;
}

// To the address from the tree, or the name by the resolver; the configuration and the keys are those of the name.
result<void> SshConnection::open_socket(const SshCall& call, std::chrono::steady_clock::time_point end) {
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

result<void> SshConnection::connect(const SshCall& call) {
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
int SshConnection::known_state(const SshCall& call) {
    const int by_name = ssh_session_is_known_server(session_);
    const bool is_unknown = by_name == SSH_KNOWN_HOSTS_NOT_FOUND || by_name == SSH_KNOWN_HOSTS_UNKNOWN;
    if (!is_unknown || call.host.address.empty()) return by_name;
    const auto name = option(SSH_OPTIONS_HOST);
    if (!set(call, SSH_OPTIONS_HOST, call.host.address.c_str(), "address")) return by_name;
    const int by_address = ssh_session_is_known_server(session_);
    if (!set(call, SSH_OPTIONS_HOST, name.c_str(), "host")) return SSH_KNOWN_HOSTS_ERROR;
    return by_address == SSH_KNOWN_HOSTS_NOT_FOUND ? by_name : by_address;
}

result<void> SshConnection::check_host_key(const SshCall& call) {
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

result<void> SshConnection::log_in(const SshCall& call) {
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

result<std::unique_ptr<SshConnection>> SshConnection::open(const SshCall& call) {
    std::unique_ptr<SshConnection> connection(new SshConnection(call.host.name));
    MARS_TRY_VOID(connection->connect(call));
    MARS_TRY_VOID(connection->check_host_key(call));
    MARS_TRY_VOID(connection->log_in(call));
    return connection;
}

} // namespace mars::shell
