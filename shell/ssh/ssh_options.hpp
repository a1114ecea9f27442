// SPDX-License-Identifier: GPL-2.0-or-later
// SshOptions: the options of ssh that --ssh-opts understands, in ssh's own spelling.
// Tests: tests/unit/shell/ssh_options_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"

namespace mars::shell {

struct SshOptions {
    std::optional<int> port;
    std::optional<std::string> user;
    std::optional<std::string> config_file;
    std::optional<std::string> known_hosts_file;
    std::optional<long> connect_timeout_s;
    std::vector<std::string> identity_files;
    bool accept_new_host_keys = false;
};

// Words separated by blanks: -p PORT, -i FILE, -l USER, -F FILE, -o KEY=VALUE, and -A, -q, -T, which change nothing.
// Failure: usage.option for anything else, also for a refusal to check host keys.
result<SshOptions> parse_ssh_options(std::string_view text);

// One word of a remote command, so that a shell leaves it as it is.
std::string shell_quote(std::string_view word);
std::string shell_command(const std::vector<std::string>& argv);

} // namespace mars::shell
