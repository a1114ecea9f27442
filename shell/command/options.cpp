// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/options.hpp"

#include <algorithm>

#include "kernel/base/trim.hpp"
#include "shell/ssh/remote.hpp"
#include "shell/words/reason.hpp"
#include "shell/words/suggest.hpp"

namespace mars::shell {

namespace {

failure unknown(std::string_view word, std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto& row : option_table()) names.push_back(row.name);
    auto close = suggest(name, names);
    return refusal("usage.option", "unknown option " + std::string(word) +
                                       (close.empty() ? "" : "; did you mean --" + std::string(close) + "?") +
                                       " All options: marsadm --help");
}

} // namespace

const OptionRow* find_option(std::string_view name) {
    if (name == "ssh_port") name = "ssh-port";
    if (name == "keep-backups") name = "keep-backup-hours";
    if (name.starts_with("ip-") && name.size() > 3) name = "ip-PEER";
    const auto rows = option_table();
    auto row = std::find_if(rows.begin(), rows.end(), [&](const OptionRow& r) { return r.name == name; });
    return row == rows.end() ? nullptr : &*row;
}

const OptionRow* find_option_letter(char letter) {
    const auto rows = option_table();
    auto row = std::find_if(rows.begin(), rows.end(), [&](const OptionRow& r) { return r.letter == letter; });
    return row == rows.end() || letter == 0 ? nullptr : &*row;
}

RemoteOptions remote_options(const Options& options) {
    RemoteOptions remote;
    remote.port = options.ssh_port.value_or(0);
    remote.ssh_opts = options.ssh_opts;
    remote.accept_new_host_keys = options.ssh_accept_new;
    return remote;
}

std::string option_synopsis(const OptionRow& row) {
    std::string text = "--" + std::string(row.name) + std::string(row.value);
    if (row.letter != 0) text += std::string(", -") + row.letter;
    return text;
}

result<const OptionRow*> apply_option(Options& options, std::string_view word) {
    if (!word.starts_with("--")) {
        const auto* row = word.size() == 2 ? find_option_letter(word[1]) : nullptr;
        if (!row) return unknown(word, word.substr(1));
        MARS_TRY_VOID(row->apply(options, {}, std::nullopt));
        return row;
    }
    auto equal = word.find('=');
    auto name = trim(word.substr(2, equal == std::string_view::npos ? equal : equal - 2));
    std::optional<std::string_view> value;
    if (equal != std::string_view::npos) value = trim(word.substr(equal + 1));
    const auto* row = find_option(name);
    if (!row) return unknown(word, name);
    auto suffix = row->name == "ip-PEER" ? name.substr(3) : std::string_view();
    if (auto applied = row->apply(options, suffix, value); !applied)
        return refusal("usage.option", "option --" + std::string(name) + ": " + applied.error().text + "; write --" +
                                           std::string(row->name) + std::string(row->value));
    return row;
}

} // namespace mars::shell
