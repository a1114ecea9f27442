// SPDX-License-Identifier: GPL-2.0-or-later
// What a call means, found out once per session: an override, a primitive, an added one, or nothing.
// Spec: macro-language 1.9, 5.1.
#include <algorithm>

#include "macros/language/evaluator.hpp"
#include "macros/language/messages.hpp"

namespace mars::macros {

namespace {

Flow call_unknown(Evaluator& evaluator, const Call& call, Value&) {
    return evaluator.fail(call, message::unknown_macro(call.name));
}

Flow call_macro(Evaluator& evaluator, const Call& call, Value& out) {
    auto scope = evaluator.compat() ? Evaluator::Scope::shared : Evaluator::Scope::own_numbers;
    return evaluator.enter(call, *call.binding.macro, 0, scope, out);
}

Flow call_added(Evaluator& evaluator, const Call& call, Value& out) {
    const AddedPrimitive& added = *call.binding.added;
    if (call.args.size() < static_cast<std::size_t>(added.min_args))
        return evaluator.fail(call, message::too_few_arguments(added.name, added.min_args));
    std::vector<std::string> args(std::min(call.args.size(), static_cast<std::size_t>(added.max_args)));
    for (std::size_t i = 0; i < args.size(); ++i) MARS_FLOW(evaluator.arg(call, i, args[i]));
    try {
        auto yielded = added.function(args);
        if (!yielded) return evaluator.fail(call, yielded.error().text);
        out.set(std::move(*yielded));
        return Flow::normal;
    } catch (const std::exception& thrown) {
        return evaluator.fail(call, added.name + ": " + thrown.what());
    }
}

} // namespace

// The value of a variable whose name is known; takes the place of the general primitive.
Flow read_variable(Evaluator& evaluator, const Call& call, Value& out) {
    if (auto* variable = evaluator.env_.find(call.binding.slot)) out = variable->value;
    return Flow::normal;
}

bool read_integer(const Evaluator& evaluator, const Call& call, std::int64_t& out) {
    auto* variable = evaluator.env_.find(call.binding.slot);
    if (!variable || !variable->value.is_integer()) return false;
    out = variable->value.integer();
    return true;
}

// Takes the place of what a call is bound to while tracing.
Flow call_traced(Evaluator& evaluator, const Call& call, Value& out) {
    const Setup& setup = evaluator.setup_;
    setup.trace(setup.trace_user, {++evaluator.trace_depth_, call.source, {}, true});
    Flow flow = call.binding.traced(evaluator, call, out);
    Value::Buffer buffer;
    setup.trace(setup.trace_user, {evaluator.trace_depth_--, call.source, out.view(buffer), false});
    return flow;
}

void Evaluator::bind(const Call& call) {
    Binding binding;
    binding.session = session_;
    auto name = explicit_primitive(call.name);
    const Macro* macro = name ? nullptr : library_.find_override(call.name);
    if (macro) {
        binding.macro = macro;
        binding.function = call_macro;
    } else if (auto* entry = library_.vocabulary().primitives.find(name.value_or(call.name))) {
        binding.entry = entry;
        binding.function = entry->row->function;
        binding.quick = entry->row->quick;
        bind_variable(call, binding);
    } else if (auto* added = setup_.added ? setup_.added->find(name.value_or(call.name)) : nullptr) {
        binding.added = added;
        binding.function = call_added;
    } else {
        binding.function = call_unknown;
    }
    if (setup_.trace) {
        binding.traced = std::exchange(binding.function, call_traced);
        binding.quick = nullptr;
    }
    call.binding = binding;
}

void Evaluator::bind_variable(const Call& call, Binding& binding) {
    if (!binding.entry->on_variable || call.args.empty()) return;
    auto& first = call.args.front();
    if (first.shape != Text::Shape::constant) return;
    Value::Buffer buffer;
    binding.slot = names_.slot(first.constant.view(buffer));
    binding.has_slot = true;
    bool plain = binding.entry->name.empty() && call.args.size() == 1 && !first.source.empty();
    if (!plain) return;
    binding.function = read_variable;
    binding.quick = read_integer;
}

} // namespace mars::macros
