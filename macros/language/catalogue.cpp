// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/catalogue.hpp"

#include "kernel/base/characters.hpp"

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

} // namespace

Catalogue::Catalogue(std::span<const TableChapter> chapters) {
    for (auto& chapter : chapters)
        for (auto& row : chapter.rows) add(row, chapter.on_variables);
    for (auto& entry : entries_) {
        exact_.emplace(entry.name, &entry);
        bool is_partial = has_pattern(entry.pattern) && entry.pattern.find('*') != std::string::npos;
        if (is_partial)
            partial_.push_back(&entry);
        else if (has_pattern(entry.pattern))
            loose_.emplace(without_separators(entry.pattern), &entry);
    }
}

void Catalogue::add(const Primitive& row, bool on_variable) {
    std::vector<Entry> names;
    expand(row.spelling, {}, {}, names);
    for (auto& entry : names) {
        entry.name = name_of_pattern(entry.pattern);
        entry.row = &row;
        entry.on_variable = on_variable;
        entries_.push_back(std::move(entry));
    }
}

const Entry* Catalogue::find(std::string_view name) const {
    if (auto found = exact_.find(std::string(name)); found != exact_.end()) return found->second;
    auto [begin, end] = loose_.equal_range(without_separators(name));
    for (auto at = begin; at != end; ++at)
        if (spells(name, at->second->pattern)) return at->second;
    for (auto* entry : partial_)
        if (spells(name, entry->pattern)) return entry;
    return nullptr;
}

const Entry* Catalogue::find_viewable(std::string_view name) const {
    auto found = exact_.find(std::string(name));
    return found != exact_.end() && found->second->row->viewable ? found->second : nullptr;
}

std::optional<std::string_view> explicit_primitive(std::string_view name) {
    constexpr std::string_view kPrefix = "primitive";
    if (!name.starts_with(kPrefix)) return std::nullopt;
    name.remove_prefix(kPrefix.size());
    if (name.starts_with('-') || name.starts_with('_')) name.remove_prefix(1);
    return name;
}

} // namespace mars::macros
