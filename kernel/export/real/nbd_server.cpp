// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/nbd_server.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/redirect_error.hpp>

#include <cerrno>

#include "kernel/export/real/nbd_connection.hpp"

namespace mars::exports {

using env::task;

namespace {

constexpr std::size_t kMaxConnections = 64; // each may take memory for its requests
constexpr Duration kPause = std::chrono::seconds(1);

} // namespace

NbdServer::NbdServer(env::RealEnv& env, block::Device& device, std::string name, std::string path)
    : env_(env), device_(device), name_(std::move(name)), path_(std::move(path)), acceptor_(env.context()),
      changed_(env.lot()), accepting_(env), serving_(env) {}

NbdServer::~NbdServer() = default;

result<std::unique_ptr<NbdServer>> NbdServer::listen(env::RealEnv& env, block::Device& device, std::string name,
                                                     std::string path) {
    std::unique_ptr<NbdServer> server(new NbdServer(env, device, std::move(name), std::move(path)));
    MARS_TRY_VOID(server->open());
    server->accepting_.spawn("nbd accept", server->accept());
    return server;
}

result<void> NbdServer::open() {
    if (path_.size() >= sizeof(sockaddr_un::sun_path))
        return failure(std::errc::filename_too_long, "the socket path " + path_ + " is too long");
    struct stat st {};
    if (::lstat(path_.c_str(), &st) == 0) {
        if (!S_ISSOCK(st.st_mode))
            return failure(std::errc::file_exists, path_ + " exists and is no socket: remove it");
        (void)::unlink(path_.c_str()); // when it cannot go, bind says why
    }
    boost::system::error_code error;
    acceptor_.open(Protocol(), error);
    if (!error) acceptor_.bind(Protocol::endpoint(path_), error);
    // Before listen(): until then nobody can connect.
    if (!error && ::chmod(path_.c_str(), 0600) < 0) error.assign(errno, boost::system::system_category());
    if (!error) acceptor_.listen(env::asio::socket_base::max_listen_connections, error);
    if (error) return failure(error, "cannot listen on " + path_ + ": " + error.message());
    return {};
}

task<void> NbdServer::accept() {
    while (acceptor_.is_open()) {
        boost::system::error_code error;
        NbdConnection::Socket socket(env_.context());
        co_await acceptor_.async_accept(socket, env::asio::redirect_error(env::asio::use_awaitable, error));
        if (error == env::asio::error::operation_aborted) co_return;
        if (error) {
            env_.log().warning(name_ + " nbd: cannot accept a client: " + error.message());
            co_await env_.clock().sleep(kPause);
            continue;
        }
        if (connections_.size() >= kMaxConnections) {
            env_.log().warning(name_ + " nbd: too many clients, one is refused");
            continue;
        }
        auto connection = std::make_shared<NbdConnection>(env_, device_, name_, std::move(socket));
        connections_.push_back(connection);
        serving_.spawn("nbd client", serve(std::move(connection)));
    }
}

task<void> NbdServer::serve(std::shared_ptr<NbdConnection> connection) {
    bool counted = false;
    std::function<bool()> admit = [this, &counted] {
        if (refusing_) return false;
        counted = true;
        ++clients_;
        changed_.notify();
        return true;
    };
    co_await connection->run(std::move(admit));
    connections_.remove(connection);
    if (!counted) co_return;
    --clients_;
    changed_.notify();
}

task<void> NbdServer::stop(bool now) {
    boost::system::error_code ignored; // closing cannot fail in a way that matters
    acceptor_.close(ignored);
    co_await accepting_.stop();
    for (auto& connection : connections_) connection->close(now);
    co_await serving_.join();
    (void)::unlink(path_.c_str()); // a leftover is replaced at the next start
}

} // namespace mars::exports
