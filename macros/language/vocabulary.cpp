// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/vocabulary.hpp"

namespace mars::macros {

namespace {

std::optional<std::string_view> text_in(std::span<const BuiltIn> texts, std::string_view name) {
    for (auto& macro : texts)
        if (macro.name == name) return macro.text;
    return std::nullopt;
}

} // namespace

std::optional<std::string_view> Vocabulary::text(std::string_view name, Compat compat) const {
    if (compat == Compat::v01a)
        if (auto found = text_in(texts_01a, name)) return found;
    return text_in(texts, name);
}

std::string Vocabulary::stub(std::string_view name, Compat compat) const {
    std::string call = "%primitive-" + std::string(name);
    if (compat == Compat::current) {
        auto* entry = primitives.find_viewable(name);
        int arguments = entry && entry->row->usage != "{}" ? entry->row->max_args : 0;
        return call + (arguments == 0 ? "{}" : arguments == 1 ? "{%{1}}" : "{%{1}}{%{2}}");
    }
    if (auto own = text_in(stubs_01a, name)) return std::string(*own);
    return call + "{%{1}}";
}

} // namespace mars::macros
