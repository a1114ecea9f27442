// SPDX-License-Identifier: GPL-2.0-or-later
// Helpers of the export tests: a Device in memory that counts, a host with private directories, programs that run while
// the loop serves them.
#pragma once

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "kernel/env/real/fd.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/export/real/fuse_loop.hpp"
#include "kernel/export/real/openers.hpp"
#include "tests/unit/env/run.hpp"

namespace mars::exports::testing {

using env::task;

class RamDevice final : public block::Device {
  public:
    explicit RamDevice(std::size_t size) : data(size) {}

    std::uint64_t size() const override { return data.size(); }
    task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) override {
        auto checked = check(offset, into.size());
        if (!checked) co_return checked;
        std::memcpy(into.data(), data.data() + offset, into.size());
        ++reads;
        co_return result<void>();
    }
    task<result<void>> write(std::uint64_t offset, std::span<const std::byte> from, bool fua) override {
        auto checked = check(offset, from.size());
        if (!checked) co_return checked;
        std::memcpy(data.data() + offset, from.data(), from.size());
        ++writes;
        fuas += fua;
        co_return result<void>();
    }
    task<result<void>> flush() override {
        ++flushes;
        co_return result<void>();
    }

    std::vector<std::byte> data;
    bool is_broken = false; // every read and write fails
    int reads = 0, writes = 0, fuas = 0, flushes = 0;

  private:
    result<void> check(std::uint64_t offset, std::size_t length) const {
        if (is_broken) return failure(std::errc::io_error, "broken");
        if (offset % 512 || length % 512 || offset + length > data.size())
            return failure(std::errc::invalid_argument, "not whole sectors inside the device");
        return {};
    }
};

// A program in the background; it and its children are killed at the end at the latest.
class Program {
  public:
    explicit Program(const std::string& command) : pid_(::fork()) {
        ::setpgid(pid_, pid_); // both processes do it: whoever is first
        group_ = pid_;
        if (pid_ != 0) return;
        ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
        ::_exit(127);
    }
    ~Program() { kill_all(); }
    void kill_all() {
        if (group_ > 0) ::kill(-group_, SIGKILL);
        group_ = 0;
        kill(SIGKILL);
    }
    void kill(int signal) {
        if (pid_ <= 0) return;
        ::kill(pid_, signal);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

  private:
    pid_t pid_;
    pid_t group_ = 0;
};

class ExportHost : public env::testing::Host {
  public:
    ExportHost() : paths{directory + "/dev", directory + "/run"}, provider(env, paths) {}

    // Runs a shell command on the pool, while the loop goes on; its exit code.
    task<int> shell(std::string command) {
        auto work = [command = std::move(command)] {
            int status = std::system(("exec 2>&1; " + command).c_str());
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        };
        co_return co_await env.pool().run(std::move(work));
    }
    // Waits until `holds()`; `event` is notified after changes.
    template<class F>
    task<bool> eventually(env::Event& event, F holds, Duration limit = env::testing::kPatience / 3) {
        auto end = env.clock().steady() + limit;
        while (!holds() && env.clock().steady() < end)
            (void)co_await wait_for(env, event, std::chrono::milliseconds(10));
        co_return holds();
    }
    task<std::unique_ptr<Export>> create(block::Device& device) {
        auto made = co_await provider.create("data", device);
        if (!made) FAIL("create: " << made.error().text);
        co_return std::move(*made);
    }
    std::string node() const { return paths.node("data"); }

    const ExportPaths paths;
    FuseLoopProvider provider;
};

inline std::string first_line(const std::string& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

} // namespace mars::exports::testing

#define SKIP_WITHOUT_FUSE_LOOP()                                                                                       \
    if (auto why = mars::exports::testing::ExportHost().provider.why_unavailable(); !why.empty()) {                    \
        WARN("SKIPPED: " << why);                                                                                      \
        return;                                                                                                        \
    }                                                                                                                  \
    static_assert(true)
