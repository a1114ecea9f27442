// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/ssh/ssh_options.hpp"

#include <algorithm>
#include <cctype>

#include "kernel/base/number.hpp"
#include "kernel/base/split.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

failure bad(const std::string& what) {
    return refusal("usage.option",
                   "option --ssh-opts: " + what +
                       "; understood are -p PORT, -i FILE, -l USER, -F FILE, -A, -q, -T and -o Port=, "
                       "IdentityFile=, User=, ConnectTimeout=, UserKnownHostsFile=, "
                       "StrictHostKeyChecking=yes|accept-new; everything else belongs into ~/.ssh/config");
}

result<int> port(std::string_view value) {
    auto number = parse_number<int>(value);
    if (!number || *number < 1 || *number > 65535) return bad("'" + std::string(value) + "' is no port");
    return *number;
}

bool equals(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

result<void> apply_setting(SshOptions& options, std::string_view setting) {
    auto equal = setting.find('=');
    if (equal == std::string_view::npos) return bad("'-o " + std::string(setting) + "' has no value");
    auto key = setting.substr(0, equal);
    auto value = std::string(setting.substr(equal + 1));
    if (equals(key, "Port")) {
        MARS_TRY(options.port, port(value));
    } else if (equals(key, "IdentityFile")) {
        options.identity_files.push_back(value);
    } else if (equals(key, "User")) {
        options.user = value;
    } else if (equals(key, "UserKnownHostsFile")) {
        options.known_hosts_file = value;
    } else if (equals(key, "ConnectTimeout")) {
        auto seconds = parse_number<long>(value);
        if (!seconds || *seconds < 1) return bad("'" + value + "' is no number of seconds");
        options.connect_timeout_s = *seconds;
    } else if (equals(key, "StrictHostKeyChecking") && value == "accept-new") {
        options.accept_new_host_keys = true;
    } else if (equals(key, "StrictHostKeyChecking") && value != "yes") {
        return bad("host keys are always checked (StrictHostKeyChecking=" + value +
                   "); --ssh-accept-new accepts new ones");
    } else if (!equals(key, "StrictHostKeyChecking")) {
        return bad("unknown setting '" + std::string(key) + "'");
    }
    return {};
}

result<void> apply_letter(SshOptions& options, char letter, const std::string& value) {
    switch (letter) {
    case 'p': {
        MARS_TRY(options.port, port(value));
        return {};
    }
    case 'i':
        options.identity_files.push_back(value);
        return {};
    case 'l':
        options.user = value;
        return {};
    case 'F':
        options.config_file = value;
        return {};
    case 'o':
        return apply_setting(options, value);
    default:
        return bad(std::string("unknown option '-") + letter + "'");
    }
}

} // namespace

result<SshOptions> parse_ssh_options(std::string_view text) {
    SshOptions options;
    auto all = split(text, ' ');
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto& word = all[i];
        if (word.size() < 2 || word.front() != '-') return bad("unexpected '" + word + "'");
        if (word == "-A" || word == "-q" || word == "-T") continue;
        std::string value = word.substr(2);
        if (value.empty() && i + 1 < all.size()) value = all[++i];
        if (value.empty()) return bad("'" + word + "' has no value");
        MARS_TRY_VOID(apply_letter(options, word[1], value));
    }
    return options;
}

std::string shell_quote(std::string_view word) {
    constexpr std::string_view safe = "-_./=:,@+%";
    bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [&](unsigned char c) {
        return std::isalnum(c) || safe.find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (is_plain) return std::string(word);
    std::string quoted = "'";
    for (char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

std::string shell_command(const std::vector<std::string>& argv) {
    std::string command;
    for (const auto& word : argv) command += (command.empty() ? "" : " ") + shell_quote(word);
    return command;
}

} // namespace mars::shell
