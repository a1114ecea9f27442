// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/daemon/arguments.hpp"

#include <cstdlib>
#include <optional>
#include <string_view>

#include "kernel/base/number.hpp"

namespace mars::daemon {

namespace {

constexpr std::string_view kHelp =
    R"(usage: marsd [OPTION…]

Serves the MARS resources of this host: block devices below /dev/mars, transaction logs and their replication.
What it shall do stands in the tree below the root; marsadm writes it there. Runs in the foreground until SIGTERM.
SIGUSR1 makes it log the counters of each resource's write path.

  --root=DIR         the tree and the logs (default: $MARS_DIR, else /mars)
  --run-dir=DIR      sockets and other things that live only while marsd runs (default: /run/mars)
  --state-dir=DIR    marks of what has been written, for a /mars that is put back from an older picture; a directory
                     outside of /mars (default: $STATE_DIRECTORY, as systemd sets it; else none are kept)
  --log=LEVEL        debug, info, warning or error (default: info)
  --memory=MIB       buffered writes of all resources together, 16 … 1048576 MiB (default: 256). More lets writes run
                     further ahead of slow disks; less makes writers wait earlier
  --flip=SECONDS     a running sync gives way to replay after this time (default: 60; below 8: never)
  --help, --version  print this, or the version, and end

Ports: 7777 (tree), 7778 (logs), 7779 (sync), all TCP, between members of the cluster only.
Exit status: 0 orderly end, 1 failure (see the last line of the log), 2 wrong arguments.
)";

// The value of "--name=value" if `word` is that option.
std::optional<std::string_view> value_of(std::string_view word, std::string_view name) {
    if (!word.starts_with("--") || !word.substr(2).starts_with(name)) return std::nullopt;
    word.remove_prefix(2 + name.size());
    if (!word.starts_with("=")) return std::nullopt;
    return word.substr(1);
}

result<env::LogLevel> parse_level(std::string_view text) {
    if (text == "debug") return env::LogLevel::debug;
    if (text == "info") return env::LogLevel::info;
    if (text == "warning") return env::LogLevel::warning;
    if (text == "error") return env::LogLevel::error;
    return failure(std::errc::invalid_argument,
                   "--log=" + std::string(text) + ": must be debug, info, warning or error");
}

result<std::string> parse_directory(std::string_view option, std::string_view text) {
    if (text.size() > 1 && text.ends_with("/")) text.remove_suffix(1);
    if (text.starts_with("/")) return std::string(text);
    return failure(std::errc::invalid_argument,
                   "--" + std::string(option) + "=" + std::string(text) + ": must be an absolute path");
}

result<std::int64_t> parse_range(std::string_view option, std::string_view text, std::int64_t low, std::int64_t high) {
    auto number = parse_number<std::int64_t>(text);
    if (number && *number >= low && *number <= high) return *number;
    return failure(std::errc::invalid_argument, "--" + std::string(option) + "=" + std::string(text) +
                                                    ": must be a number from " + std::to_string(low) + " to " +
                                                    std::to_string(high));
}

result<void> take(Arguments& arguments, std::string_view word) {
    if (word == "--help" || word == "-h") {
        arguments.print = kHelp;
    } else if (word == "--version") {
        arguments.print = "marsd " MARS_VERSION "\n";
    } else if (auto root = value_of(word, "root")) {
        MARS_TRY(arguments.root, parse_directory("root", *root));
    } else if (auto run = value_of(word, "run-dir")) {
        MARS_TRY(arguments.run_directory, parse_directory("run-dir", *run));
    } else if (auto state = value_of(word, "state-dir")) {
        MARS_TRY(arguments.tunables.state_directory, parse_directory("state-dir", *state));
    } else if (auto level = value_of(word, "log")) {
        MARS_TRY(arguments.log_level, parse_level(*level));
    } else if (auto memory = value_of(word, "memory")) {
        MARS_TRY(const auto mib, parse_range("memory", *memory, 16, 1048576));
        arguments.tunables.memory_limit_bytes = static_cast<std::uint64_t>(mib) << 20;
    } else if (auto flip = value_of(word, "flip")) {
        MARS_TRY(const auto seconds, parse_range("flip", *flip, 0, 86400));
        arguments.tunables.sync_flip_interval = std::chrono::seconds(seconds);
    } else {
        return failure(std::errc::invalid_argument, "unknown argument '" + std::string(word) + "'; see marsd --help");
    }
    return {};
}

} // namespace

result<Arguments> parse_arguments(int argc, const char* const* argv) {
    Arguments arguments;
    if (const char* root = std::getenv("MARS_DIR"); root && *root) {
        MARS_TRY(arguments.root, parse_directory("root", root));
    }
    if (const char* state = std::getenv("STATE_DIRECTORY"); state && *state) {
        MARS_TRY(arguments.tunables.state_directory, parse_directory("state-dir", state));
    }
    for (int i = 1; i < argc; ++i) MARS_TRY_VOID(take(arguments, argv[i]));
    return arguments;
}

} // namespace mars::daemon
