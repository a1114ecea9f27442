// SPDX-License-Identifier: GPL-2.0-or-later
// The table of all primitives, and how names are found in it. See primitive.hpp for the spelling of a row.
#include "kernel/base/characters.hpp"
#include "macros/primitive.hpp"

#include <unordered_map>

namespace mars::macros {

namespace {

bool is_separator(char c) {
    return c == '-' || c == '_';
}

// Only names made of letters have patterns; operators mean themselves.
bool has_pattern(std::string_view spelling) {
    return !spelling.empty() && (is_alpha(spelling[0]) || spelling.size() > 3);
}

std::string with_dashes(std::string_view pattern) {
    std::string name(pattern);
    for (char& c : name)
        if (c == '=' || c == '~') c = '-';
    return name;
}

// All ways to choose one alternative of each "{a,b}" in `spelling`.
void expand(std::string_view spelling, std::string done, std::vector<std::string> choices, std::vector<Entry>& out) {
    auto open = spelling.find('{');
    auto close = spelling.find('}', open);
    if (open == std::string_view::npos || close == std::string_view::npos) {
        Entry entry;
        entry.pattern = done.append(spelling);
        entry.choices = std::move(choices);
        out.push_back(std::move(entry));
        return;
    }
    done.append(spelling.substr(0, open));
    auto alternatives = spelling.substr(open + 1, close - open - 1);
    for (std::size_t begin = 0; begin <= alternatives.size();) {
        auto end = std::min(alternatives.find(',', begin), alternatives.size());
        auto chosen = choices;
        auto alternative = alternatives.substr(begin, end - begin);
        chosen.push_back(with_dashes(alternative));
        expand(spelling.substr(close + 1), done + std::string(alternative), std::move(chosen), out);
        begin = end + 1;
    }
}

std::string name_of_pattern(const std::string& pattern) {
    if (!has_pattern(pattern)) return pattern;
    if (pattern.front() == '*') return "s" + pattern.substr(1);
    std::string name = with_dashes(pattern);
    if (name.back() == '*') name.pop_back();
    return name;
}

// Does `name` spell `pattern`?
bool spells(std::string_view name, std::string_view pattern) {
    if (!has_pattern(pattern)) return name == pattern;
    if (pattern.front() == '*') return name.ends_with(pattern.substr(1));
    std::size_t at = 0;
    for (char c : pattern) {
        if (c == '*') return true;
        char have = at < name.size() ? name[at] : '\0';
        bool separated = is_separator(have);
        if (c == '-')
            at += separated ? 1 : 0;
        else if (c == '~' ? separated : c == '=' ? have == '-' : have == c)
            ++at;
        else
            return false;
    }
    return at == name.size();
}

std::string without_separators(std::string_view name) {
    std::string out;
    for (char c : name)
        if (!is_separator(c) && c != '=' && c != '~' && c != '*') out += c;
    return out;
}

struct Index {
    std::vector<Entry> entries;
    std::unordered_map<std::string, const Entry*> exact;
    std::unordered_multimap<std::string, const Entry*> loose; // without separators
    std::vector<const Entry*> partial;                        // matched by beginning or end

    Index() {
        for (auto& table : primitive_table())
            for (auto& row : table.rows) add(row, table.chapter);
        for (auto& entry : entries) {
            exact.emplace(entry.name, &entry);
            bool is_partial = has_pattern(entry.pattern) && entry.pattern.find('*') != std::string::npos;
            if (is_partial)
                partial.push_back(&entry);
            else if (has_pattern(entry.pattern))
                loose.emplace(without_separators(entry.pattern), &entry);
        }
    }

    void add(const Primitive& row, Chapter chapter) {
        std::vector<Entry> names;
        expand(row.spelling, {}, {}, names);
        for (auto& entry : names) {
            entry.name = name_of_pattern(entry.pattern);
            entry.row = &row;
            entry.chapter = chapter;
            entries.push_back(std::move(entry));
        }
    }
};

const Index& index() {
    static const Index the_index;
    return the_index;
}

} // namespace

std::span<const TableChapter> primitive_table() {
    static const TableChapter kChapters[] = {
        {Chapter::variables, "Variables and lists", variable_primitives()},
        {Chapter::arithmetic, "Arithmetic", arithmetic_primitives()},
        {Chapter::comparison, "Comparisons", comparison_primitives()},
        {Chapter::conditions, "Conditions and logic", condition_primitives()},
        {Chapter::loops, "Loops and control of evaluation", loop_primitives()},
        {Chapter::calls, "Calling macros", call_primitives()},
        {Chapter::strings, "Strings", string_primitives()},
        {Chapter::time, "Time and waiting", time_primitives()},
        {Chapter::other, "Messages, links, failures", other_primitives()},
        {Chapter::state, "Hosts and resources", list_state_primitives()},
        {Chapter::state, "Cluster-wide values", cluster_state_primitives()},
        {Chapter::state, "Messages of the daemon", message_state_primitives()},
        {Chapter::state, "Switches", switch_state_primitives()},
        {Chapter::state, "Primary, disk, device", device_state_primitives()},
        {Chapter::state, "Logfile positions", position_state_primitives()},
        {Chapter::state, "Rates and remaining time", rate_state_primitives()},
        {Chapter::state, "Time stamps, ages, lags", age_state_primitives()},
        {Chapter::state, "Consistency", consistency_state_primitives()},
        {Chapter::state, "Handover and application", handover_state_primitives()},
    };
    return kChapters;
}

const std::vector<Entry>& primitive_entries() {
    return index().entries;
}

const Entry* find_primitive(std::string_view name) {
    auto& all = index();
    if (auto found = all.exact.find(std::string(name)); found != all.exact.end()) return found->second;
    auto [begin, end] = all.loose.equal_range(without_separators(name));
    for (auto at = begin; at != end; ++at)
        if (spells(name, at->second->pattern)) return at->second;
    for (auto* entry : all.partial)
        if (spells(name, entry->pattern)) return entry;
    return nullptr;
}

const Entry* find_viewable(std::string_view name) {
    auto& all = index();
    auto found = all.exact.find(std::string(name));
    return found != all.exact.end() && found->second->row->viewable ? found->second : nullptr;
}

} // namespace mars::macros
