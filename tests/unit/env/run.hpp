// SPDX-License-Identifier: GPL-2.0-or-later
// Helpers of the tests that run coroutines on a real io_context.
#pragma once

#include <catch2/catch.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "kernel/base/result.hpp"
#include "kernel/env/real/real_env.hpp"

namespace mars::env::testing {

inline constexpr std::chrono::seconds kPatience{60}; // far more than anything needs; only a hang reaches it

template<class T>
task<void> store(task<T> t, std::optional<T>& out) {
    out.emplace(co_await std::move(t));
}

// Runs `context` until `t` has ended; rethrows its exception.
inline void run(asio::io_context& context, task<void> t) {
    bool done = false;
    std::exception_ptr error;
    auto ended = [&done, &error](const std::exception_ptr& e) {
        done = true;
        error = e;
    };
    asio::co_spawn(context, std::move(t), ended);
    context.restart();
    auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!done)
        if (context.run_one_until(deadline) == 0) panic("the test's coroutine has not ended in time");
    if (error) std::rethrow_exception(error);
}

template<class T>
T run(asio::io_context& context, task<T> t) {
    std::optional<T> out;
    run(context, store(std::move(t), out));
    return std::move(*out);
}

// The same for a lambda that is a coroutine; its captures live until it has ended.
template<class F>
requires std::is_invocable_v<F&>
auto run(asio::io_context& context, F f) {
    return run(context, f());
}

// One host: a context and an env, with a directory of its own that is removed at the end.
class Host {
  public:
    explicit Host(FileIo::Use use = FileIo::Use::ring_if_possible)
        : env(context, make_stderr_log(LogLevel::warning), use) {
        std::string name = (std::filesystem::temp_directory_path() / "mars-unit-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp " + name);
        directory = name;
    }
    ~Host() {
        std::error_code ignored; // a leftover in /tmp is no reason to fail
        std::filesystem::remove_all(directory, ignored);
    }

    template<class F>
    auto run(F f) {
        return testing::run(context, std::move(f));
    }
    std::string path(const std::string& name) const { return directory + "/" + name; }

    asio::io_context context;
    RealEnv env;
    std::string directory;
};

inline std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

} // namespace mars::env::testing
