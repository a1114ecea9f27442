// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/primitives.hpp"

#include <initializer_list>

#include "macros/built_in_texts.hpp"
#include "macros/language/rows.hpp"
#include "macros/state/rows.hpp"

namespace mars::macros {

namespace {

// Release 0.1a measures this lag from the primary to itself unless a host is given.
constexpr BuiltIn kStubs01a[] = {
    {"alive-lag", "%primitive-alive-lag{%if{%{1}}{%{1}}{%primitive-get-primary{}}}"},
};

std::vector<Primitive> rows(std::initializer_list<std::span<const Primitive>> tables) {
    std::vector<Primitive> all;
    for (auto table : tables) all.insert(all.end(), table.begin(), table.end());
    return all;
}

} // namespace

std::span<const TableChapter> primitive_table() {
    static const TableChapter kChapters[] = {
        {"Variables and lists", rows({variable_primitives()}), true},
        {"Arithmetic", rows({arithmetic_primitives()})},
        {"Comparisons", rows({comparison_primitives()})},
        {"Conditions and logic", rows({condition_primitives()})},
        {"Loops and control of evaluation", rows({loop_primitives(), glob_primitives(), control_primitives()})},
        {"Calling macros", rows({call_primitives()})},
        {"Strings", rows({string_primitives(), progress_primitives(), error_code_primitives()})},
        {"Time and waiting", rows({time_primitives()})},
        {"Messages, links, failures", rows({message_primitives(), link_primitives()})},
        {"Hosts and resources", rows({list_state_primitives()})},
        {"Cluster-wide values", rows({cluster_state_primitives()})},
        {"Messages of the daemon", rows({message_state_primitives()})},
        {"Switches", rows({switch_state_primitives()})},
        {"Primary, disk, device", rows({device_state_primitives()})},
        {"Logfile positions", rows({position_state_primitives()})},
        {"Rates and remaining time", rows({rate_state_primitives()})},
        {"Time stamps, ages, lags", rows({age_state_primitives()})},
        {"Consistency", rows({consistency_state_primitives()})},
        {"Handover and application", rows({handover_state_primitives()})},
        {"Age of what is known", rows({news_state_primitives()})},
    };
    return kChapters;
}

const Vocabulary& vocabulary() {
    static const Vocabulary the_words{Catalogue(primitive_table()), built_in_texts(), compat_texts(), kStubs01a};
    return the_words;
}

const std::vector<Entry>& primitive_entries() {
    return vocabulary().primitives.entries();
}

const Entry* find_primitive(std::string_view name) {
    return vocabulary().primitives.find(name);
}

const Entry* find_viewable(std::string_view name) {
    return vocabulary().primitives.find_viewable(name);
}

std::vector<std::string_view> built_in_names() {
    std::vector<std::string_view> names;
    for (auto& macro : vocabulary().texts) names.push_back(macro.name);
    return names;
}

} // namespace mars::macros
