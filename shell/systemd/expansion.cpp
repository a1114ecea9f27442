// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/expansion.hpp"

#include <algorithm>
#include <cctype>

#include "macros/evaluator.hpp"
#include "macros/regex.hpp"
#include "macros/source.hpp"
#include "shell/reason.hpp"
#include "shell/systemd/unit_names.hpp"

namespace mars::shell::systemd {

struct Expansion::Parts {
    explicit Parts(macros::Context& context) : library(context), evaluator(context, library) {}

    macros::Library library;
    macros::Evaluator evaluator;
    std::vector<macros::MacroPtr> parsed; // texts of @eval, which the evaluator refers to
};

namespace {

bool is_name(std::string_view word) {
    if (word.empty()) return true;
    auto is_letter = [](unsigned char c) { return std::isalpha(c) || c == '_'; };
    return is_letter(static_cast<unsigned char>(word.front())) &&
           std::all_of(word.begin(), word.end(),
                       [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
}

// Length of the balanced brace text at the begin of `text`, both braces included; 0 when it does not end.
std::size_t braced(std::string_view text) {
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\')
            ++i;
        else if (text[i] == '{')
            ++depth;
        else if (text[i] == '}' && --depth == 0)
            return i + 1;
    }
    return 0;
}

// "NAME{body}" after an introducer.
struct Form {
    std::string_view name;
    std::string_view body;
    std::size_t size = 0; // of all of it
};

std::optional<Form> form_at(std::string_view text) {
    auto brace = text.find('{');
    if (brace == std::string_view::npos || !is_name(text.substr(0, brace))) return std::nullopt;
    auto size = braced(text.substr(brace));
    if (size == 0) return std::nullopt;
    return Form{text.substr(0, brace), text.substr(brace + 1, size - 2), brace + size};
}

} // namespace

Expansion::Expansion(macros::Context& context, const Settings& settings)
    : settings_(settings), parts_(std::make_unique<Parts>(context)) {
    begin("");
}

Expansion::~Expansion() = default;

void Expansion::begin(std::string_view resource) {
    parts_->parsed.clear();
    parts_->evaluator.begin("systemd", resource);
}

void Expansion::set(std::string_view variable, std::string_view value) {
    auto& evaluator = parts_->evaluator;
    evaluator.env().assign(evaluator.names().slot(variable), value);
}

result<std::string> Expansion::evaluate(std::string_view text, const std::string& place) {
    auto macro = macros::parse(std::string(text), place);
    if (!macro) return refusal("unit.template", macro.error().text);
    parts_->parsed.push_back(*macro);
    auto value = parts_->evaluator.run(**macro, "systemd", {});
    if (!value) return refusal("unit.template", place + ": " + value.error().text);
    return *value;
}

result<std::string> Expansion::variable(std::string_view body, const std::string& place) {
    MARS_TRY(auto name, evaluate(body, place));
    auto& evaluator = parts_->evaluator;
    if (const auto* found = evaluator.env().find(evaluator.names().slot(name))) return found->value.str();
    findings_.push_back({place, "there is no variable '" + name + "'", false});
    return "UNDEFINED(" + name + ")";
}

result<std::string> Expansion::apply(std::string_view form, std::string_view body, const std::string& place) {
    if (form.empty()) return variable(body, place);
    if (form == "eval") return evaluate(body, place);
    if (form == "esc") return escape_path(body);
    if (form == "escvar") {
        MARS_TRY(auto value, variable(body, place));
        return escape_path(value);
    }
    if (form != "verbatim")
        findings_.push_back(
            {place, "unknown form " + std::string(1, settings_.escape) + std::string(form) + "{}", false});
    return std::string(body);
}

result<std::string> Expansion::expand(std::string_view text, const std::string& place) {
    std::string out;
    std::size_t line = 1;
    while (!text.empty()) {
        auto at = text.find(settings_.escape);
        auto before = text.substr(0, at);
        out += before;
        line += static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
        if (at == std::string_view::npos) break;
        text.remove_prefix(at + 1);
        auto form = form_at(text);
        if (!form) {
            out += settings_.escape;
            continue;
        }
        MARS_TRY(auto value, apply(form->name, form->body, place + ":" + std::to_string(line)));
        out += value;
        auto whole = text.substr(0, form->size);
        line += static_cast<std::size_t>(std::count(whole.begin(), whole.end(), '\n'));
        text.remove_prefix(form->size);
    }
    return out;
}

result<std::optional<std::map<std::string, std::string>>> Expansion::match(std::string_view name, std::string_view unit,
                                                                           const std::string& place) {
    using Variables = std::map<std::string, std::string>;
    auto plain = macros::preprocess(name, macros::Origin::built_in, false).text;
    MARS_TRY(auto expanded, expand(plain, place));
    std::string pattern = "\\A(?:";
    std::vector<std::string> names;
    std::string_view rest = expanded;
    while (!rest.empty()) {
        auto form = rest.front() == settings_.incape ? form_at(rest.substr(1)) : std::nullopt;
        if (form) {
            names.emplace_back(form->body);
            pattern += "(.+)";
            rest.remove_prefix(form->size + 1);
            continue;
        }
        if (rest.front() == '\\') pattern += '\\';
        pattern += rest.front();
        rest.remove_prefix(1);
    }
    auto regex = parts_->evaluator.regexes().compile(pattern + ")\\z", 0);
    if (!regex) return refusal("unit.template", place + ": the name is no regular expression");
    macros::Regex::Groups groups;
    if (!regex.find(unit, 0, false, groups)) return std::optional<Variables>();
    Variables found;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto begin = groups[2 * i + 2];
        found[names[i]] = std::string(unit.substr(begin, groups[2 * i + 3] - begin));
    }
    return std::optional(std::move(found));
}

} // namespace mars::shell::systemd
