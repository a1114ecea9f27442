// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/port_holder.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace mars::env {

namespace {

// The sockets that listen there, as they are named in /proc/PID/fd: "socket:[12345]".
std::set<std::string> listening_sockets(std::uint16_t port) {
    std::ostringstream wanted;
    wanted << ':' << std::hex << std::uppercase;
    wanted.width(4);
    wanted.fill('0');
    wanted << port;
    constexpr const char* kListen = "0A";
    std::set<std::string> found;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream in(table);
        for (std::string line; std::getline(in, line);) {
            std::istringstream fields(line);
            std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
            fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
            if (state == kListen && local.ends_with(wanted.str())) found.insert("socket:[" + inode + "]");
        }
    }
    return found;
}

} // namespace

std::string port_holder(std::uint16_t port) {
    namespace fs = std::filesystem;
    const auto sockets = listening_sockets(port);
    std::error_code ignored; // processes come and go while they are looked at
    for (fs::directory_iterator process("/proc", ignored), end; !sockets.empty() && process != end;
         process.increment(ignored)) {
        const auto pid = process->path().filename().string();
        if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
        for (fs::directory_iterator file(process->path() / "fd", ignored); file != end; file.increment(ignored)) {
            const auto target = fs::read_symlink(file->path(), ignored);
            if (!sockets.contains(target.string())) continue;
            std::string name;
            std::ifstream(process->path() / "comm") >> name;
            return name + " (pid " + pid + ")";
        }
    }
    return "";
}

} // namespace mars::env
