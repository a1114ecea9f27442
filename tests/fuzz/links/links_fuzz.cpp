// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever stands in a link, parsers take it or leave it, and what they take is printed and read back equal.
// Input: lines. Each line goes through all parsers; then they serve as version links for a walk through histories.
#include <map>
#include <string>
#include <vector>

#include "kernel/base/stamp.hpp"
#include "kernel/format/link_values.hpp"
#include "kernel/format/replay_code.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/format/split_brain.hpp"
#include "kernel/format/version_link.hpp"
#include "tests/fuzz/check.hpp"

using namespace mars::format;
using mars::fuzz::check;

namespace {

template<class Value>
void round_trip(std::string_view line) {
    if (const auto value = Value::parse(line)) check(Value::parse(value->text()) == value, "printed and read back");
}

void parse_all(std::string_view line) {
    round_trip<LogName>(line);
    round_trip<LogPosition>(line);
    round_trip<ReplayLink>(line);
    round_trip<VersionLink>(line);
    round_trip<Features>(line);
    round_trip<ClusterId>(line);
    round_trip<VerifyStatus>(line);
    round_trip<mars::Stamp>(line);
    if (const auto code = ReplayCode::parse(line)) check(ReplayCode::parse(code->text()).has_value(), "read back");
    if (const auto message = Message::parse(line)) {
        const auto value = message->value();
        check(value.size() <= 1023 && is_link_value(value) && Message::parse(value).has_value(), "a bounded message");
    }
    if (const auto mask = parse_mask(line)) {
        check(parse_mask(mask_text(*mask)) == mask, "a mask is read back");
        kind_names(*mask);
    }
    parse_flag(line);
    parse_skip_check(line);
    for (const auto& host : parse_host_list(line)) check(host.size() <= 63, "host names are bounded");
    head_position(version_head(line));
    head_position(version_prev(line));
}

// Line 2n and 2n + 1 are the links of number n of hosts a and b; the first two readable replay links are theirs.
void walk(const std::vector<std::string_view>& lines) {
    std::map<std::pair<std::int64_t, std::string>, std::string> links;
    std::vector<HostPosition> hosts;
    std::vector<LogName> logs;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        links[{static_cast<std::int64_t>(i / 2), i % 2 == 0 ? "a" : "b"}] = lines[i];
        if (const auto log = LogName::parse(lines[i])) logs.push_back(*log);
        const auto replay = ReplayLink::parse(lines[i]);
        if (replay && hosts.size() < 2) hosts.push_back({hosts.empty() ? "a" : "b", replay->position()});
    }
    const VersionLookup lookup = [&](std::int64_t seq, std::string_view host) -> std::optional<std::string> {
        const auto at = links.find({seq, std::string(host)});
        if (at == links.end()) return std::nullopt;
        return at->second;
    };
    const auto found = find_split_brain(hosts, logs, lookup);
    check(found.found() == !found.text().empty(), "a finding can be told");
    if (hosts.size() < 2) return;
    const auto one = compare_histories(hosts[0], hosts[1], lookup);
    const auto other = compare_histories(hosts[1], hosts[0], lookup);
    check(one.kind == other.kind && one.last_common == other.last_common, "the order of hosts does not matter");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(data, data + size);
    const auto lines = split_fields(text, '\n');
    for (const auto line : lines) parse_all(line);
    parse_all(text);
    walk(lines);
    return 0;
}
