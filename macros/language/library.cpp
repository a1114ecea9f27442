// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/library.hpp"

#include <algorithm>
#include <set>

#include "kernel/base/plain_text.hpp"
#include "macros/language/parser.hpp"

namespace mars::macros {

namespace {

constexpr std::string_view kSuffix = ".tpl";

// May `name` be the name of a template file?
bool is_file_name(std::string_view name) {
    return !name.empty() && name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

std::string without_leading_blanks(const std::string& text) {
    auto begin = text.find_first_not_of(" \t");
    return begin == std::string::npos ? std::string() : text.substr(begin);
}

} // namespace

Library::Library(const Setup& setup, const Vocabulary& vocabulary) : setup_(setup), vocabulary_(vocabulary) {}

bool Library::has_stub(std::string_view name) const {
    // Built-in ones first: looking for added ones may cost reading plugins.
    return vocabulary_.primitives.find_viewable(name) ||
           (setup_.added && !vocabulary_.primitives.find(name) && setup_.added->find(name));
}

std::string Library::stub(std::string_view name) const {
    auto* added = !vocabulary_.primitives.find_viewable(name) && setup_.added ? setup_.added->find(name) : nullptr;
    if (!added) return vocabulary_.stub(name, setup_.compat);
    std::string text = "%primitive-" + added->name;
    for (int i = 1; i <= added->max_args; ++i) text += "{%{" + std::to_string(i) + "}}";
    return text + (added->max_args == 0 ? "{}" : "");
}

std::optional<Library::Stored> Library::from_template(std::string_view name, bool viewed) {
    if (!is_file_name(name)) return std::nullopt;
    for (auto& directory : setup_.search_path) {
        std::string path = directory + "/" + std::string(name) + std::string(kSuffix);
        auto text = setup_.outside.read_file(path);
        if (!text) continue;
        return Stored{plain_text(*text), path, viewed ? Origin::template_viewed : Origin::template_called};
    }
    return std::nullopt;
}

std::optional<Library::Stored> Library::stored(std::string_view name, bool viewed) {
    if (auto found = from_template(name, viewed)) return found;
    if (auto text = vocabulary_.text(name, setup_.compat))
        return Stored{std::string(*text), "(built-in " + std::string(name) + ")", Origin::built_in};
    if (has_stub(name)) return Stored{stub(name), "(viewable " + std::string(name) + ")", Origin::built_in};
    return std::nullopt;
}

MacroPtr Library::load(std::string_view name, bool viewed, bool with_stubs) {
    bool hash_anywhere = setup_.compat == Compat::v01a;
    if (!text_used_ && !setup_.macro_text.empty()) {
        text_used_ = true;
        return parse_macro(std::string(name), "--macro", without_leading_blanks(plain_text(setup_.macro_text)),
                           Origin::command_line, hash_anywhere);
    }
    bool own_text = vocabulary_.text(name, setup_.compat).has_value();
    bool primitive = !own_text && has_stub(name);
    auto text = with_stubs || !primitive ? stored(name, viewed) : from_template(name, viewed);
    if (!text) return nullptr;
    if (text->origin != Origin::built_in && (own_text || primitive))
        setup_.outside.notice("using macro file '" + text->file + "'");
    return parse_macro(std::string(name), std::move(text->file), std::move(text->text), text->origin, hash_anywhere);
}

const Macro* Library::find(std::string_view name, bool viewed) {
    std::string key = (viewed ? "v " : "c ") + std::string(name);
    if (auto known = found_.find(key); known != found_.end()) return known->second.get();
    return found_.emplace(std::move(key), load(name, viewed, true)).first->second.get();
}

const Macro* Library::find_override(std::string_view name) {
    std::string key = "o " + std::string(name);
    auto known = found_.find(key);
    if (known == found_.end()) {
        MacroPtr macro = load(name, false, setup_.compat == Compat::v01a && vocabulary_.primitives.find_viewable(name));
        if (macro && (macro->original.empty() || macro->original == "0")) macro = nullptr;
        known = found_.emplace(std::move(key), std::move(macro)).first;
    }
    return known->second.get();
}

std::vector<MacroInfo> Library::list() {
    std::set<std::string> names;
    for (auto& macro : vocabulary_.texts) names.emplace(macro.name);
    for (auto& entry : vocabulary_.primitives.entries())
        if (entry.row->viewable) names.insert(entry.name);
    if (setup_.added)
        for (auto& name : setup_.added->names()) names.insert(name);
    for (auto& directory : setup_.search_path)
        for (auto& file : setup_.outside.list(directory))
            if (file.size() > kSuffix.size() && file.ends_with(kSuffix))
                names.insert(file.substr(0, file.size() - kSuffix.size()));
    std::vector<MacroInfo> macros;
    for (auto& name : names) {
        auto text = stored(name);
        if (!text) continue;
        bool own_text = vocabulary_.text(name, setup_.compat).has_value(), stub = has_stub(name);
        bool from_file = text->origin != Origin::built_in;
        auto kind = from_file ? (own_text || stub ? MacroInfo::Kind::overridden : MacroInfo::Kind::own)
                              : (own_text ? MacroInfo::Kind::built_in : MacroInfo::Kind::viewable);
        macros.push_back({name, kind, std::move(text->file)});
    }
    return macros;
}

} // namespace mars::macros
