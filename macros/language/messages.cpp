// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/messages.hpp"

#include <algorithm>

namespace mars::macros {

namespace {

constexpr std::size_t kShownLine = 160; // longer lines are cut around the place

std::size_t original_offset(const Macro& macro, std::string_view at) {
    auto offset = static_cast<std::size_t>(at.data() - macro.text.data());
    if (macro.origin.empty()) return std::min(offset, macro.original.size());
    if (offset >= macro.origin.size()) return macro.original.size();
    return macro.origin[offset];
}

std::string quoted(std::string_view name) {
    return "'" + std::string(name) + "'";
}

} // namespace

Place place_of(const Macro& macro, std::string_view at) {
    std::string_view text = macro.original;
    std::size_t offset = original_offset(macro, at);
    std::size_t begin = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
    begin = begin == std::string_view::npos ? 0 : begin + 1;
    Place place;
    place.file = macro.file;
    place.line = 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<long>(begin), '\n'));
    place.column = 1 + offset - begin;
    place.line_text = text.substr(begin, text.find('\n', begin) - begin);
    return place;
}

std::string show(const Place& place) {
    std::size_t caret = place.column - 1, cut = caret > kShownLine / 2 ? caret - kShownLine / 2 : 0;
    std::string line = place.line_text.substr(std::min(cut, place.line_text.size()), kShownLine);
    for (char& c : line)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' '; // keeps the caret in place
    return "  at " + place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + "\n    " +
           line + "\n    " + std::string(caret - cut, ' ') + "^";
}

namespace message {

std::string unknown_macro(std::string_view name) {
    return "call to unknown macro " + quoted(name);
}

std::string cannot_find_macro(std::string_view name) {
    return "cannot find macro " + quoted(name);
}

std::string undefined_result(std::string_view name) {
    return "undefined result from evaluation of primitive macro " + quoted(name);
}

std::string too_few_arguments(std::string_view name, int wanted) {
    return "'" + std::string(name) + "' wants at least " + std::to_string(wanted) + " arguments";
}

std::string division_by_zero(std::string_view operation) {
    return "division by zero in " + quoted(operation);
}

std::string output_limit(std::size_t bytes) {
    return "a text has grown beyond the limit of " + std::to_string(bytes) + " bytes";
}

std::string call_limit(std::uint64_t calls) {
    return "more than " + std::to_string(calls) + " calls were made; is there an endless loop?";
}

std::string interrupted() {
    return "the evaluation was interrupted";
}

std::string nesting_limit() {
    return "macro calls are nested too deeply; does a macro call itself?";
}

std::string cannot_split(std::string_view delimiter) {
    return "cannot split at " + quoted(delimiter) + ": it is no regular expression, or makes too many elements";
}

std::string too_long_to_evaluate(std::size_t bytes) {
    return "a text of " + std::to_string(bytes) + " bytes is too long to be evaluated";
}

} // namespace message

} // namespace mars::macros
