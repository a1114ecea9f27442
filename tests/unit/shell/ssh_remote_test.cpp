// SPDX-License-Identifier: GPL-2.0-or-later
// Commands on other hosts, against a real sshd on this one: host keys, streams, deadlines, reuse of connections.
#include <catch2/catch.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kernel/env/real/real_env.hpp"
#include "kernel/env/task_group.hpp"
#include "shell/fleet/fleet.hpp"
#include "shell/ssh/ssh_remote.hpp"
#include "shell/words/reason.hpp"

using namespace mars;
using namespace mars::shell;
using namespace std::chrono_literals;

namespace {

int listen_on_free_port(int& fd) {
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd, 16) == 0);
    socklen_t length = sizeof address;
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    return ntohs(address.sin_port);
}

// An sshd of this user, with keys of its own, on a free port.
class Sshd {
  public:
    // `path`: where the commands of a login look for programs first.
    explicit Sshd(const std::string& path = own_folder()) {
        char pattern[] = "/tmp/mars-sshd-XXXXXX";
        folder = ::mkdtemp(pattern);
        shell("ssh-keygen -q -t ed25519 -N '' -f " + folder + "/host && ssh-keygen -q -t ed25519 -N '' -f " + folder +
              "/user && cp " + folder + "/user.pub " + folder + "/authorized && mkdir -p /run/sshd 2>/dev/null");
        int fd = -1;
        port = listen_on_free_port(fd);
        ::close(fd);
        std::ofstream(folder + "/config") << "HostKey " << folder << "/host\nAuthorizedKeysFile " << folder
                                          << "/authorized\nStrictModes no\nPidFile none\nUsePAM no\nMaxStartups "
                                             "500\nMaxSessions 100\nSetEnv PATH="
                                          << path << ":/usr/bin:/bin\nListenAddress 127.0.0.1\nPort " << port << "\n";
        std::ofstream(folder + "/ssh_config") << "Host *\n  IdentityFile " << folder << "/user\n";
        std::string config = folder + "/config";
        std::vector<std::string> words{"/usr/sbin/sshd", "-D", "-e", "-f", config};
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 2, (folder + "/log").c_str(), O_CREAT | O_WRONLY, 0600);
        REQUIRE(::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ) == 0);
        posix_spawn_file_actions_destroy(&actions);
        await();
    }
    ~Sshd() {
        ::kill(pid, SIGTERM);
        ::waitpid(pid, nullptr, 0);
        std::filesystem::remove_all(folder);
    }

    // How a client gets in; its known_hosts are its own.
    RemoteOptions options(const std::string& known = "known") const {
        RemoteOptions options;
        options.port = port;
        options.ssh_opts = "-F " + folder + "/ssh_config -i " + folder + "/user -l " + user() +
                           " -o UserKnownHostsFile=" + folder + "/" + known;
        options.accept_new_host_keys = true;
        return options;
    }

    std::string folder;
    int port = 0;
    pid_t pid = -1;

    // That of the programs of this build, among them marsadm.
    static std::string own_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

  private:
    static std::string user() {
        const char* name = ::getenv("USER");
        return ::geteuid() == 0 || !name ? "root" : name;
    }
    static void shell(const std::string& command) { REQUIRE(std::system(command.c_str()) == 0); }
    void await() const {
        for (int i = 0; i < 500; ++i) {
            int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            address.sin_port = htons(static_cast<std::uint16_t>(port));
            bool is_up = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
            ::close(fd);
            if (is_up) return;
            ::usleep(10000);
        }
        std::ifstream log(folder + "/log");
        FAIL("sshd does not start: " << log.rdbuf());
    }
};

bool has_sshd() {
    if (::access("/usr/sbin/sshd", X_OK) == 0 && ::geteuid() == 0) return true;
    WARN("skipped: needs /usr/sbin/sshd and root");
    return false;
}

struct Client {
    Client()
        : real(context, env::make_stderr_log(env::LogLevel::warning), env::FileIo::Use::threads),
          remote(context, real.lot(), "here") {}

    result<RemoteResult> run(const std::string& host, RemoteOptions options, std::vector<std::string> argv,
                             std::string input = {}, Duration limit = 20s, const std::string& address = {}) {
        std::optional<result<RemoteResult>> out;
        auto body = [&]() -> env::task<void> {
            RemoteHost to(host, address);
            out.emplace(co_await remote.run(std::move(to), options, argv, input, limit));
        };
        env::asio::co_spawn(context, body(), [](const std::exception_ptr& e) {
            if (e) std::rethrow_exception(e);
        });
        context.restart();
        context.run();
        return std::move(*out);
    }

    env::asio::io_context context{1};
    env::RealEnv real;
    SshRemote remote;
};

} // namespace

TEST_CASE("a host key that is not known is refused with its fingerprint and the ways to accept it") {
    if (!has_sshd()) return;
    Sshd sshd;
    Client client;
    auto options = sshd.options("empty");
    options.accept_new_host_keys = false;
    auto refused = client.run("127.0.0.1", options, {"true"});
    REQUIRE_FALSE(refused);
    CHECK(has_reason(refused.error(), "remote.ssh"));
    CHECK_THAT(refused.error().text, Catch::Contains("SHA256:") && Catch::Contains("--ssh-accept-new"));
    options.accept_new_host_keys = true;
    auto accepted = client.run("127.0.0.1", options, {"true"});
    INFO((accepted ? "" : accepted.error().text));
    CHECK(accepted);
    options.accept_new_host_keys = false;
    CHECK(client.run("127.0.0.1", options, {"true"}));
}

TEST_CASE("input, both outputs, status and odd words arrive; the connection is used again") {
    if (!has_sshd()) return;
    Sshd sshd;
    Client client;
    std::string seen;
    auto options = sshd.options();
    options.on_text = [&](RemoteStream, std::string_view piece) { seen += piece; };
    auto ran = client.run("127.0.0.1", options, {"sh", "-c", "cat; echo \"$1\" >&2; exit 7", "x", "it's $HOME"},
                          std::string(200000, 'i'));
    INFO((ran ? "" : ran.error().text));
    REQUIRE(ran);
    CHECK(ran->status == 7);
    CHECK(ran->output == std::string(200000, 'i'));
    CHECK(ran->errors == "it's $HOME\n");
    CHECK(seen.size() == 200000 + ran->errors.size());
    CHECK(client.run("127.0.0.1", options, {"true"}));
    CHECK(client.remote.connected() == 1);
    CHECK(client.remote.reused() == 1);
}

TEST_CASE("a host that hangs costs its deadline, whatever it hangs in") {
    if (!has_sshd()) return;
    Sshd sshd;
    Client client;
    auto options = sshd.options();
    auto late = client.run("127.0.0.1", options, {"sleep", "1000"}, {}, 1s);
    REQUIRE_FALSE(late);
    CHECK(has_reason(late.error(), "remote.timeout"));
    int silent = -1; // accepts, and never says a word
    options.port = listen_on_free_port(silent);
    auto mute = client.run("127.0.0.1", options, {"true"}, {}, 1s);
    ::close(silent);
    REQUIRE_FALSE(mute);
    CHECK(has_reason(mute.error(), "remote.timeout"));
}

namespace {

bool lives(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(status)), {});
    const auto name_end = text.rfind(')');
    return name_end != std::string::npos && text[name_end + 2] != 'Z';
}

bool ends_soon(pid_t pid) {
    for (int i = 0; i < 1000 && lives(pid); ++i) ::usleep(10000);
    return !lives(pid);
}

} // namespace

TEST_CASE("a command on another host ends with its deadline, and what is known of it is said") {
    if (!has_sshd()) return;
    Sshd sshd;
    Client client;
    auto options = sshd.options();
    std::string seen;
    options.on_text = [&](RemoteStream, std::string_view piece) { seen += piece; };
    auto late = client.run("127.0.0.1", options, {"sh", "-c", "echo $$; exec sleep 1000"}, {}, 1s);
    REQUIRE_FALSE(late);
    CHECK(has_reason(late.error(), "remote.timeout"));
    CHECK_THAT(late.error().text, Catch::Contains("told to stop there, and has ended with status 143"));
    REQUIRE_FALSE(seen.empty());
    CHECK(ends_soon(std::stoi(seen)));
}

TEST_CASE("a command on another host that comes to its end all the same has the last word") {
    if (!has_sshd()) return;
    Sshd sshd;
    Client client;
    const auto options = sshd.options();
    // It is told to stop while it sleeps, and goes on.
    const std::string script = "trap '' TERM; echo begun; sleep 1.2; echo ended; exit 4";
    for (const char* host : {"127.0.0.1", "here"}) {
        INFO(host);
        auto ran = client.run(host, options, {"sh", "-c", script}, {}, 1s);
        INFO((ran ? "" : ran.error().text));
        REQUIRE(ran);
        CHECK(ran->status == 4);
        CHECK(ran->output == "begun\nended\n");
    }
}

TEST_CASE("of a command on another host whose end is not heard, its last words are told") {
    if (!has_sshd()) return;
    Sshd sshd;
    Client client;
    auto options = sshd.options();
    // Its parent attends it; the parent of that is the connection.
    const auto parent = client.run("127.0.0.1", options, {"sh", "-c", "ps -o ppid= -p $PPID"});
    REQUIRE(parent);
    std::string seen;
    options.on_text = [&](RemoteStream, std::string_view piece) {
        seen += piece;
        if (seen.find('\n') != std::string::npos) ::kill(static_cast<pid_t>(std::stoi(parent->output)), SIGKILL);
    };
    const auto broken = client.run("127.0.0.1", options, {"sh", "-c", "echo 'phase 8: become primary'; sleep 60"});
    REQUIRE_FALSE(broken);
    CHECK_THAT(broken.error().text, Catch::Contains("said last there: 'phase 8: become primary'"));
}

TEST_CASE("what a command leaves behind on another host does not keep its caller") {
    if (!has_sshd()) return;
    Sshd sshd;
    Client client;
    auto ran = client.run("127.0.0.1", sshd.options(), {"sh", "-c", "sleep 1000 & echo $!"});
    INFO((ran ? "" : ran.error().text));
    REQUIRE(ran);
    const auto pid = std::stoi(ran->output);
    CHECK(lives(pid));
    ::kill(pid, SIGKILL);
    CHECK(ran->errors.empty());
}

TEST_CASE("a host with an older release, or without marsadm, is still of use; what goes on there is said") {
    if (!has_sshd()) return;
    char pattern[] = "/tmp/mars-old-XXXXXX";
    const std::string folder = ::mkdtemp(pattern);
    const bool is_old = GENERATE(true, false);
    if (is_old) {
        std::ofstream(folder + "/marsadm")
            << "#!/bin/sh\necho \"error: unknown option $1 [usage.option]\" >&2\nexit 2\n";
        REQUIRE(::chmod((folder + "/marsadm").c_str(), 0755) == 0);
    }
    Sshd sshd(folder);
    Client client;
    auto ran = client.run("127.0.0.1", sshd.options(), {"sh", "-c", "cat; exit 5"}, "text");
    INFO((ran ? ran->errors : ran.error().text));
    REQUIRE(ran);
    CHECK(ran->output == "text");
    CHECK(ran->status == 5);
    if (is_old) {
        auto late = client.run("127.0.0.1", sshd.options(), {"sleep", "7"}, {}, 1s);
        REQUIRE_FALSE(late);
        CHECK_THAT(late.error().text, Catch::Contains("older") && Catch::Contains("goes on there"));
    }
    std::filesystem::remove_all(folder);
}

TEST_CASE("the address leads to the host whatever the resolver does; the key is kept under its name") {
    if (!has_sshd()) return;
    Sshd sshd;
    Client client;
    auto ran = client.run("host-without-a-name", sshd.options(), {"echo", "here"}, {}, 20s, "127.0.0.1");
    INFO((ran ? "" : ran.error().text));
    REQUIRE(ran);
    std::ifstream known(sshd.folder + "/known");
    std::string text((std::istreambuf_iterator<char>(known)), {});
    CHECK_THAT(text, Catch::Contains("host-without-a-name"));
    // A key that is known for the address alone will do.
    auto options = sshd.options("by-address");
    REQUIRE(client.run("127.0.0.1", options, {"true"}));
    options.accept_new_host_keys = false;
    auto again = client.run("other-name", options, {"true"}, {}, 20s, "127.0.0.1");
    INFO((again ? "" : again.error().text));
    CHECK(again);
}

TEST_CASE("no connection: every way that was tried is named, once") {
    Client client;
    int fd = -1;
    RemoteOptions options;
    options.port = listen_on_free_port(fd);
    ::close(fd);
    auto refused = client.run("host-without-a-name", options, {"true"}, {}, 20s, "127.0.0.1");
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().text,
               Catch::Contains("127.0.0.1: Connection refused") && Catch::Contains("the name host-without-a-name") ||
                   Catch::Contains("the resolver has not told"));
}

TEST_CASE("a connection that has died meanwhile is replaced") {
    if (!has_sshd()) return;
    Sshd sshd;
    Client client;
    auto options = sshd.options();
    // Its parent attends it; the parent of that is the connection.
    auto parent = client.run("127.0.0.1", options, {"sh", "-c", "ps -o ppid= -p $PPID"});
    REQUIRE(parent);
    ::kill(static_cast<pid_t>(std::stoi(parent->output)), SIGKILL);
    auto again = client.run("127.0.0.1", options, {"echo", "hello"});
    INFO((again ? "" : again.error().text));
    REQUIRE(again);
    CHECK(again->output == "hello\n");
}

TEST_CASE("the local host needs no ssh, and has the same deadlines") {
    Client client;
    auto ran = client.run("here", {}, {"sh", "-c", "cat; echo no >&2; exit 3"}, "yes");
    REQUIRE(ran);
    CHECK(ran->output == "yes");
    CHECK(ran->errors == "no\n");
    CHECK(ran->status == 3);
    auto late = client.run("here", {}, {"sh", "-c", "sleep 1000 & wait"}, {}, 1s);
    REQUIRE_FALSE(late);
    CHECK(has_reason(late.error(), "remote.timeout"));
    auto missing = client.run("here", {}, {"/no/such/program"});
    REQUIRE_FALSE(missing);
    CHECK_THAT(missing.error().text, Catch::Contains("/no/such/program"));
}
