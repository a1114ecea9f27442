// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/log_names.hpp"

#include <set>

#include "kernel/base/number.hpp"

namespace mars::macros {

namespace {

constexpr std::size_t kNumberDigits = 9;

// A position walked back along the version links of one host.
struct Walker {
    const tree::View& view;
    const std::string& dir;
    std::string host;
    std::optional<LogPosition> at;
    int depth = 0;

    void step_back() {
        at = previous();
        ++depth;
    }

  private:
    std::optional<LogPosition> previous() const {
        std::string own = view.value(dir + "/" + numbered_name("version-", at->log.number, host));
        if (auto colon = own.rfind(':'); colon != std::string::npos)
            return entry(std::string_view(own).substr(colon + 1));
        std::string before = view.value(dir + "/" + numbered_name("version-", at->log.number - 1, host));
        return entry(std::string_view(before).substr(0, before.find(':')));
    }
    // The position in "DIGEST,LOG,LENGTH".
    static std::optional<LogPosition> entry(std::string_view text) {
        auto comma = text.find(',');
        return comma == std::string_view::npos ? std::nullopt : parse_log_position(text.substr(comma + 1));
    }
};

// Looks for the common ancestor of two positions. Spec: macro-language 3.10.
bool positions_split(Walker a, Walker b) {
    for (;;) {
        if (a.at->same_place(*b.at)) return a.depth > 0 && b.depth > 0;
        if (a.at->log.number == b.at->log.number) {
            if (a.at->log.host != b.at->log.host) return true;
            return (a.at->position < b.at->position ? a : b).depth > 0;
        }
        Walker& higher = a.at->log.number > b.at->log.number ? a : b;
        std::int64_t number = higher.at->log.number;
        higher.step_back();
        if (!higher.at || higher.at->log.number >= number) return true;
    }
}

} // namespace

std::optional<NumberedName> parse_numbered_name(std::string_view prefix, std::string_view name) {
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    auto digits = name.substr(0, name.find('-'));
    auto number = parse_number<std::int64_t>(digits);
    if (!number || *number < 0 || digits.size() + 1 >= name.size()) return std::nullopt;
    return NumberedName{*number, std::string(name.substr(digits.size() + 1))};
}

std::string numbered_name(std::string_view prefix, std::int64_t number, std::string_view host) {
    std::string digits = std::to_string(number);
    if (digits.size() < kNumberDigits) digits.insert(0, kNumberDigits - digits.size(), '0');
    return std::string(prefix) + digits + "-" + std::string(host);
}

std::optional<LogPosition> parse_log_position(std::string_view text) {
    auto comma = text.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    auto log = parse_numbered_name("log-", text.substr(0, comma));
    auto numbers = text.substr(comma + 1);
    auto second = numbers.find(',');
    auto position = parse_number<std::int64_t>(numbers.substr(0, second));
    std::optional<std::int64_t> rest = 0;
    if (second != std::string_view::npos) rest = parse_number<std::int64_t>(numbers.substr(second + 1));
    if (!log || !position || !rest || *position < 0) return std::nullopt;
    return LogPosition{std::move(*log), *position, *rest};
}

bool histories_split(const tree::View& view, const std::string& dir) {
    std::vector<Walker> walkers;
    for (auto& host : view.suffixes(dir, "replay-"))
        if (auto at = parse_log_position(view.value(dir + "/replay-" + host))) walkers.push_back({view, dir, host, at});
    for (std::size_t i = 0; i < walkers.size(); ++i)
        for (std::size_t j = i + 1; j < walkers.size(); ++j)
            if (positions_split(walkers[i], walkers[j])) return true;
    std::set<std::int64_t> numbers;
    for (auto& name : view.list(dir))
        if (auto log = parse_numbered_name("log-", name); log && !numbers.insert(log->number).second) return true;
    return false;
}

} // namespace mars::macros
