// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/wait_condition.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "shell/words/suggest.hpp"

namespace mars::shell {

namespace {

// Names as people write them, and what they mean with is- and with todo-.
struct ConditionName {
    std::string_view name;
    std::string_view indicator;
    std::string_view toggle;
};

constexpr std::array<ConditionName, 12> kConditionNames{{
    {"attach", "is-attached", "attach"},
    {"attached", "is-attached", "attach"},
    {"fetch", "is-copying", "connect"},
    {"fetching", "is-copying", "connect"},
    {"copy", "is-copying", "connect"},
    {"copying", "is-copying", "connect"},
    {"connect", "", "connect"},
    {"replay", "is-replaying", "allow-replay"},
    {"replaying", "is-replaying", "allow-replay"},
    {"sync", "is-syncing", "sync"},
    {"syncing", "is-syncing", "sync"},
    {"emergency", "has-emergency", ""},
}};

bool take_suffix(std::string_view& text, std::string_view suffix) {
    if (!text.ends_with(suffix)) return false;
    text.remove_suffix(suffix.size());
    return true;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

// Words of view's diskstate and replstate that are worth waiting for: where nothing goes on by itself, no wait ends.
constexpr auto kDiskStates =
    std::to_array<std::string_view>({"UpToDate", "OutDated", "InConsistent", "Detached", "Detaching", "NoAttach",
                                     "NotJoined", "NotPresent", "Orphan", "Recovery", "WriteBack", "EmergencyMode",
                                     "DefectiveLog", "IncompleteLog", "DiskError", "DiskFull", "DiskMismatch"});
constexpr auto kReplStates = std::to_array<std::string_view>(
    {"Replaying", "Replicating", "Syncing", "NotYetPrimary", "NotStarted", "PausedFetch", "PausedReplay", "PausedSync",
     "NoPrimaryDesignated", "PrimaryUnreachable", "SecondaryUnreachable", "SplitBrain", "UnResponsive", "EmergencyMode",
     "ModuleNotLoaded", "NotJoined", "Orphan"});

bool is_same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// The state as it is printed; people write it as they like.
std::string_view state_word(std::string_view text) {
    for (auto word : kDiskStates)
        if (is_same_word(word, text)) return word;
    for (auto word : kReplStates)
        if (is_same_word(word, text)) return word;
    return {};
}

failure unknown_condition(const std::string& text) {
    std::vector<std::string> names{"device", "primary", "secondary"};
    for (const auto& row : kConditionNames) names.emplace_back(row.name);
    std::string states;
    for (auto word : kDiskStates) names.emplace_back(word);
    for (auto word : kReplStates)
        if (std::find(names.begin(), names.end(), word) == names.end()) names.emplace_back(word);
    for (std::size_t i = 3 + kConditionNames.size(); i < names.size(); ++i) states += ", " + names[i];
    auto close = did_you_mean(text, names);
    return refusal("usage.condition", "unknown condition '" + text + "'" + close +
                                          "; possible are: [is-|todo-] attach, fetch, replay, sync, primary, "
                                          "secondary; has-emergency; device; or a state as view prints it" +
                                          states + "; each with -on or -off behind it");
}

} // namespace

result<WaitCondition> parse_condition(const std::string& whole, const std::string& me) {
    std::string_view text = whole;
    bool on = true;
    if (take_suffix(text, "-off") || take_suffix(text, "-0"))
        on = false;
    else if (!take_suffix(text, "-on"))
        (void)take_suffix(text, "-1"); // on is what is meant without any
    const auto suffix_size = whole.size() - text.size();
    bool actual = take_prefix(text, "is-") || take_prefix(text, "has-");
    if (!actual) (void)take_prefix(text, "todo-");
    if (text == "device") return WaitCondition{WaitCondition::Kind::device, {}, on};
    if (text == "primary" || text == "secondary") {
        if (actual) return WaitCondition{WaitCondition::Kind::indicator, "is-primary", on == (text == "primary")};
        return WaitCondition{WaitCondition::Kind::role, text == "primary" ? me : std::string(tree::kNone), on};
    }
    for (const auto& row : kConditionNames) {
        auto name = actual ? row.indicator : row.toggle;
        if (row.name == text && !name.empty())
            return WaitCondition{actual ? WaitCondition::Kind::indicator : WaitCondition::Kind::toggle,
                                 std::string(name), on};
    }
    if (const auto word = state_word(whole.substr(0, whole.size() - suffix_size)); !word.empty())
        return WaitCondition{WaitCondition::Kind::state, std::string(word), on};
    return unknown_condition(whole);
}

} // namespace mars::shell
