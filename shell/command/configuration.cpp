// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/configuration.hpp"

#include <algorithm>
#include <array>

#include "kernel/base/plain_text.hpp"
#include "kernel/base/result.hpp"
#include "kernel/base/split.hpp"
#include "kernel/base/trim.hpp"
#include "shell/local/trust.hpp"
#include "shell/words/reason.hpp"
#include "shell/words/suggest.hpp"

namespace mars::shell {

namespace {

constexpr std::size_t kConfigurationBytes = std::size_t{1} << 20;

// Nothing that changes what a verb is allowed to do, or to whom.
constexpr auto kNames = std::to_array<std::string_view>({
    "compat",
    "hook-timeout",
    "ignore-deleted-peers",
    "keep-backup-hours",
    "ssh-accept-new",
    "ssh-opts",
    "ssh-port",
    "strict-wait",
    "stuck-seconds",
    "thresh-logfiles",
    "thresh-logsize",
    "threshold",
    "timeout",
    "window",
});

result<void> apply_line(Options& options, std::string_view line) {
    auto equal = line.find('=');
    auto name = trim(line.substr(0, equal));
    if (name.find('.') != std::string_view::npos) return {}; // PLUGIN.TUNABLE: read by the plugins
    const auto* row = find_option(name);
    if (!row || std::find(kNames.begin(), kNames.end(), row->name) == kNames.end()) {
        std::string known;
        for (auto possible : kNames) known += (known.empty() ? "" : ", ") + std::string(possible);
        const std::vector<std::string> names(kNames.begin(), kNames.end());
        return refusal("usage.option", "'" + std::string(name) + "' is no setting" + did_you_mean(name, names) +
                                           "; possible are: " + known);
    }
    std::string word = "--" + std::string(row->name);
    if (equal != std::string_view::npos) word += "=" + std::string(trim(line.substr(equal + 1)));
    MARS_TRY(const auto* applied, apply_option(options, word));
    (void)applied;
    options.timeout_is_overall = false; // a habit, not a wish for one call
    return {};
}

} // namespace

std::span<const std::string_view> configurable_options() {
    return kNames;
}

Options with_configuration(Options options, const env::Storage& storage, const std::string& file, Output& output) {
    if (!may_use("configuration", file)) return options;
    auto content = storage.read_file(file, kConfigurationBytes);
    if (!content) {
        bool missing = content.error().is(std::errc::no_such_file_or_directory);
        if (!missing) output.warning(content.error().text + "; its settings are not used");
        return options;
    }
    const auto text = plain_text(*content);
    std::string_view rest = text;
    for (int number = 1; !rest.empty(); ++number) {
        auto line = take_part(rest, '\n');
        line = trim(line.substr(0, line.find('#')));
        if (line.empty()) continue;
        Options changed = options;
        if (auto applied = apply_line(changed, line); applied)
            options = std::move(changed);
        else
            output.warning(file + ":" + std::to_string(number) + ": " + applied.error().text + "; the line is skipped");
    }
    return options;
}

} // namespace mars::shell
