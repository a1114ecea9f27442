// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives that read and write variables, and lists in strings. Spec: macro-language 2.1, 2.2.
#include <algorithm>
#include <limits>

#include "kernel/base/characters.hpp"
#include "kernel/base/names.hpp"
#include "macros/language/evaluator.hpp"
#include "macros/language/messages.hpp"
#include "macros/language/rows.hpp"

namespace mars::macros {

namespace {

bool is_step_operator(std::string_view raw) {
    return raw.size() == 2 && (raw[0] == '+' || raw[0] == '-') && (raw[1] == '+' || raw[1] == '-');
}

// Letters followed by digits, either part possibly missing: stepped as text.
bool is_text_counter(std::string_view text) {
    auto letters = std::find_if_not(text.begin(), text.end(), is_alpha);
    return !text.empty() && std::all_of(letters, text.end(), is_digit);
}

// Steps a text counter up by one with carry: "az" -> "ba", "Zz" -> "AAa", "a9" -> "b0".
void step_text(std::string& text) {
    std::size_t at = text.size();
    while (at-- > 0) {
        char& c = text[at];
        if (c != '9' && c != 'z' && c != 'Z') {
            ++c;
            return;
        }
        c = c == '9' ? '0' : c == 'z' ? 'a' : 'A';
    }
    text.insert(text.begin(), is_digit(text.front()) ? '1' : text.front());
}

void step(Value& value, char direction) {
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max(), kMin = std::numeric_limits<std::int64_t>::min();
    if (value.is_integer() && direction == '+' && value.integer() < kMax) return value.set(value.integer() + 1);
    if (value.is_integer() && direction == '-' && value.integer() > kMin) return value.set(value.integer() - 1);
    Value::Buffer buffer;
    std::string text(value.view(buffer));
    if (direction == '+' && is_text_counter(text)) {
        step_text(text);
        return value.set(std::move(text));
    }
    auto one = Number::integer(1), number = Number::parse(text);
    value.set(direction == '+' ? number + one : number - one);
}

// The index into a list of `size` elements that E(argument) denotes. Empty and "*": `at_end`.
std::optional<std::size_t> list_index(std::string_view text, std::size_t size, std::size_t at_end) {
    if (text.empty() || text == "*") return at_end;
    std::int64_t index = Number::parse(text).truncated();
    if (index < 0) index += static_cast<std::int64_t>(size);
    if (index < 0) return std::nullopt;
    return static_cast<std::size_t>(index);
}

// Selects one element: arguments `at` (delimiter) and `at` + 1 (index).
Flow element(Evaluator& evaluator, const Call& call, std::size_t at, Value& out) {
    std::string delimiter, index;
    MARS_FLOW(evaluator.arg(call, at, delimiter));
    MARS_FLOW(evaluator.arg(call, at + 1, index));
    auto parts = split(evaluator.regexes(), out.str(), delimiter);
    if (!parts) return evaluator.fail(call, message::cannot_split(delimiter));
    MARS_FLOW(evaluator.count_elements(call, parts->size()));
    auto chosen = list_index(index, parts->size(), parts->size() - 1);
    if (!chosen || *chosen >= parts->size())
        return evaluator.fail(call, message::undefined_result(call.name) + ": the list has " +
                                        std::to_string(parts->size()) + " elements, no element '" + index + "'");
    out.set(std::move((*parts)[*chosen]));
    return Flow::normal;
}

Flow variable(Evaluator& evaluator, const Call& call, Value& out) {
    std::size_t at = 0;
    char prefix = '\0', postfix = '\0';
    if (is_step_operator(call.args[at].source)) prefix = call.args[at++].source.front();
    std::string name;
    MARS_FLOW(evaluator.arg(call, at++, name));
    if (at < call.args.size() && is_step_operator(call.args[at].source)) postfix = call.args[at++].source.front();

    Slot slot = evaluator.names().slot(name);
    if (prefix) step(evaluator.env().touch(slot), prefix);
    if (auto* found = evaluator.env().find(slot)) out = found->value;
    if (postfix) step(evaluator.env().touch(slot), postfix);
    return at + 1 < call.args.size() ? element(evaluator, call, at, out) : Flow::normal;
}

Flow let(Evaluator& evaluator, const Call& call, Value& out) {
    Slot slot = 0;
    MARS_FLOW(evaluator.variable_slot(call, slot));
    if (std::int64_t number = 0; call.args.size() > 1 && evaluator.quick_integer(call.args[1], number)) {
        evaluator.env().touch(slot).set(number);
        return Flow::normal;
    }
    MARS_FLOW(evaluator.arg(call, 1, out));
    evaluator.env().assign(slot, std::move(out));
    out.clear();
    return Flow::normal;
}

Flow append(Evaluator& evaluator, const Call& call, Value& out) {
    Slot slot = 0;
    MARS_FLOW(evaluator.variable_slot(call, slot));
    MARS_FLOW(evaluator.arg(call, 1, out));
    std::string& text = evaluator.env().touch(slot).edit();
    out.append_to(text);
    out.clear();
    return evaluator.grew_too_far(text.size()) ? evaluator.fail_output(call) : Flow::normal;
}

Flow set_element(Evaluator& evaluator, const Call& call, Value& out) {
    constexpr std::size_t kLargestIndex = 1'000'000;
    Slot slot = 0;
    std::string delimiter, index;
    MARS_FLOW(evaluator.variable_slot(call, slot));
    MARS_FLOW(evaluator.arg(call, 1, delimiter));
    MARS_FLOW(evaluator.arg(call, 2, index));
    MARS_FLOW(evaluator.arg(call, 3, out));
    auto parts = split(evaluator.regexes(), evaluator.env().text(slot), delimiter);
    if (!parts) return evaluator.fail(call, message::cannot_split(delimiter));
    auto chosen = list_index(index, parts->size(), parts->size());
    if (!chosen || *chosen > kLargestIndex) return evaluator.fail(call, "there is no list element '" + index + "'");
    if (parts->size() <= *chosen) parts->resize(*chosen + 1);
    MARS_FLOW(evaluator.count_elements(call, parts->size()));
    (*parts)[*chosen] = out.take();
    out.clear();
    std::string joined;
    for (std::size_t i = 0; i < parts->size(); ++i) {
        joined.append(i ? delimiter : "").append((*parts)[i]);
        if (evaluator.grew_too_far(joined.size())) return evaluator.fail_output(call);
    }
    evaluator.env().touch(slot).set(std::move(joined));
    return Flow::normal;
}

Flow dump_variables(Evaluator& evaluator, const Call&, Value&) {
    std::vector<std::pair<std::string, std::string>> all;
    for (Slot slot = 0; slot < evaluator.names().size(); ++slot) {
        std::string name(evaluator.names().name(slot));
        bool internal = name.size() >= 4 && name.starts_with("__") && name.ends_with("__");
        auto* found = evaluator.env().find(slot);
        if (found && !internal) all.emplace_back(name, found->value.str());
    }
    std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return natural_less(a.first, b.first); });
    for (auto& [name, value] : all) evaluator.outside().notice(name + "='" + value + "'");
    return Flow::normal;
}

constexpr Primitive kVariableRows[] = {
    {"", "{name}[{++|--}][{delimiter}{index}]", 1, 5, true, true,
     "Value of a variable, empty if unset. The name may be preceded by an argument `++` or `--` (step, yield the new "
     "value) or followed by one (yield the old value, step). With delimiter and index: that element of the value taken "
     "as a list; index from 0, negative from the end, empty or `*` the last one; an element that does not exist fails.",
     "%let{x}{a,b,c}%{x}{,}{1}", "b", variable},
    {"let", "{name}{value}", 2, 2, false, false, "Assigns the value to the variable. Yields nothing.",
     "%let{x}{%{host}!}%{x}", "nodeb!", let},
    {"append", "{name}{value}", 2, 2, false, false, "Appends the value to the variable. Yields nothing.",
     "%append{x}{a}%append{x}{b}%{x}", "ab", append},
    {"set", "{name}{delimiter}{index}{value}", 4, 4, false, false,
     "Stores the value as one element of a list variable; index empty or `*` appends. The list is split at the "
     "delimiter, a "
     "regular expression, and joined with its text.",
     "%let{x}{a,b,c}%set{x}{,}{1}{X}%{x}", "a,X,c", set_element},
    {"dump-vars", "{}", 0, 1, false, false,
     "Writes all variables as lines NAME='VALUE' to standard error. Yields nothing.", "%dump-vars{}x", "x",
     dump_variables},
};

} // namespace

std::span<const Primitive> variable_primitives() {
    return kVariableRows;
}

} // namespace mars::macros
