// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/evaluator.hpp"

#include <algorithm>
#include <atomic>
#include <limits>

#include "macros/language/messages.hpp"
#include "macros/language/parser.hpp"

namespace mars::macros {

namespace {

constexpr std::uint64_t kCallsBetweenLooks = 1024;
constexpr std::size_t kKeptResultBytes = std::size_t{256} << 10; // of text; their trees take many times more

// Sessions are numbered so that a binding of another one is never taken for one's own.
std::uint64_t next_session() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

} // namespace

Evaluator::Evaluator(const Setup& setup, Library& library, Companion& companion)
    : setup_(setup), library_(library), companion_(companion), names_(companion.variables()),
      call_limit_(setup.limits.calls ? setup.limits.calls : std::numeric_limits<std::uint64_t>::max()),
      limit_output_(setup.limits.output_bytes), session_(next_session()) {
    companion_.join(*this);
}

void Evaluator::begin(std::string_view command, std::string_view subject) {
    env_ = Environment();
    for (Slot flag = kAbort; flag <= kLast; ++flag) env_.touch(flag).set(0);
    env_.set_callers(command);
    env_.assign(kCmd, setup_.command.empty() ? command : std::string_view(setup_.command));
    companion_.begin(subject);
    for (auto& [name, value] : setup_.variables) env_.assign(names_.slot(name), value);
    env_.lower();
}

result<std::string> Evaluator::run(const Macro& macro, std::string_view name, const std::vector<std::string>& args) {
    failure_.reset();
    depth_ = trace_depth_ = 0;
    calls_ = next_look_ = 0;
    copies_.clear();
    copies_bytes_ = 0;
    current_ = &macro;
    stack_top_ = static_cast<const char*>(__builtin_frame_address(0));
    env_.assign(names_.numbered(0), name);
    Value out;
    Flow flow = Flow::normal;
    for (std::size_t i = 0; i < args.size() && flow != Flow::failed; ++i) {
        MacroPtr text = parse_result("argument " + std::to_string(i + 1), "(argument)", args[i]);
        current_ = text.get();
        flow = eval(text->tree, out);
        env_.assign(names_.numbered(i + 1), std::move(out));
    }
    current_ = &macro;
    std::string produced;
    if (flow != Flow::failed) flow = append(macro.tree, produced);
    if (flow == Flow::failed) return failure_ ? *failure_ : failure(std::errc::operation_canceled, "failed");
    if (flow == Flow::abort) produced.clear();
    return produced;
}

// A text that consists of one call, before which no control flag is set.
Flow Evaluator::eval_call(const Text& text, Value& out) {
    Flow flow = call(*text.only, out);
    if (flow == Flow::normal && !env_.raised()) return flow;
    if (flow == Flow::stop) return Flow::normal;
    if (flow != Flow::normal) return flow;
    std::string produced = out.take();
    flag_ends_text(text, text.source.size(), 0, produced.size(), produced);
    out.set(std::move(produced));
    return Flow::normal;
}

// A text before which a control flag may be set: only the general way looks at it.
Flow Evaluator::eval_raised(const Text& text, Value& out) {
    if (text.shape != Text::Shape::constant || text.merged.empty()) return walk(text, out.own());
    out.own() = text.merged;
    return Flow::normal;
}

Flow Evaluator::append(const Text& text, std::string& out) {
    if (text.shape != Text::Shape::call) return walk(text, out);
    Value value;
    Flow flow = eval(text, value);
    value.append_to(out);
    return flow;
}

// Looks at the control flags before a call or at the end of `text`; true when the text is finished by one.
// `rest`: offset of what was not evaluated. `committed`: size of `out` after the last call or escape.
bool Evaluator::flag_ends_text(const Text& text, std::size_t rest, std::size_t start, std::size_t committed,
                               std::string& out) {
    bool ends = true;
    if (env_.take(kAbort))
        out.resize(start);
    else if (env_.take(kReturn))
        out.resize(committed);
    else if (env_.take(kStopEval))
        out += text.source.substr(rest);
    else
        ends = false;
    env_.lower();
    return ends;
}

Flow Evaluator::walk(const Text& text, std::string& out) {
    std::size_t start = out.size(), committed = start;
    Value value;
    for (auto& node : text.nodes) {
        if (node.kind == Node::Kind::literal) {
            out += node.source;
        } else if (node.kind == Node::Kind::escape) {
            if (node.reserved) warn("'" + std::string(node.source) + "' is reserved for future use");
            out += node.byte;
            committed = out.size();
        } else {
            auto rest = [&] { return static_cast<std::size_t>(node.source.data() - text.source.data()); };
            if (env_.raised() && flag_ends_text(text, rest(), start, committed, out)) return Flow::normal;
            value.clear();
            Flow flow = call(*node.call, value);
            if (!value.is_nothing()) value.append_to(out);
            if (flow == Flow::stop) out += text.source.substr(rest() + node.source.size());
            if (flow != Flow::normal) return flow == Flow::stop ? Flow::normal : flow;
            if (grew_too_far(out.size())) return fail_output(*node.call);
            committed = out.size();
        }
    }
    if (env_.raised()) flag_ends_text(text, text.source.size(), start, committed, out);
    return Flow::normal;
}

Flow Evaluator::walk_macro(const Call* call, const Macro& macro, Value& out) {
    const Limits& limits = setup_.limits;
    auto* here = static_cast<const char*>(__builtin_frame_address(0));
    bool deep = limits.nesting && depth_ >= limits.nesting;
    bool full =
        limits.stack_bytes && stack_top_ > here && static_cast<std::size_t>(stack_top_ - here) > limits.stack_bytes;
    if (deep || full)
        return fail_at(call ? call->source : std::string_view(), message::nesting_limit(), std::errc::value_too_large);
    const Macro* outer = std::exchange(current_, &macro);
    ++depth_;
    Flow flow = eval(macro.tree, out);
    --depth_;
    current_ = outer;
    return flow;
}

Flow Evaluator::named_slot(const Call& call, Slot& slot) {
    Value name;
    MARS_FLOW(arg(call, 0, name));
    Value::Buffer buffer;
    slot = names_.slot(name.view(buffer));
    return Flow::normal;
}

Flow Evaluator::arg(const Call& call, std::size_t index, std::string& out) {
    Value value;
    MARS_FLOW(arg(call, index, value));
    out = value.take();
    return Flow::normal;
}

Flow Evaluator::operand(const Call& call, std::size_t index, Number& out) {
    if (index >= call.args.size()) {
        out = Number();
        return Flow::normal;
    }
    const Text& text = call.args[index];
    if (std::int64_t quick = 0; quick_integer(text, quick)) {
        out = Number::integer(quick);
        return Flow::normal;
    }
    Value value;
    MARS_FLOW(eval(text, value));
    out = value.operand();
    return Flow::normal;
}

Flow Evaluator::eval_result(const Call& call, std::string text, Value& out) {
    if (text.size() > kMaxMacroBytes)
        return fail(call, message::too_long_to_evaluate(text.size()), std::errc::value_too_large);
    if (results_bytes_ > kKeptResultBytes) {
        results_.clear();
        results_bytes_ = 0;
    }
    MacroPtr& kept = results_[text];
    if (!kept) {
        results_bytes_ += text.size() + sizeof(Macro);
        kept = parse_result(current_->name, "(text made by " + std::string(call.name) + ")", std::move(text));
    }
    MacroPtr macro = kept; // stays alive when the evaluation itself makes so many texts that they are dropped
    Flow flow = walk_macro(&call, *macro, out);
    out.keep();
    return flow;
}

Flow Evaluator::invoke(std::string_view name, Value& out) {
    MacroPtr& macro = inner_[std::string(name)];
    if (!macro) macro = parse_result(current_->name, "(inner call)", "%" + std::string(name) + "{}");
    Flow flow = walk_macro(nullptr, *macro, out);
    out.keep();
    return flow;
}

Flow Evaluator::invoke(std::string_view name, Number& out) {
    Value value;
    MARS_FLOW(invoke(name, value));
    out = value.operand();
    return Flow::normal;
}

Flow Evaluator::look_around(const Call& call) {
    if (calls_ > call_limit_) return fail(call, message::call_limit(call_limit_), std::errc::value_too_large);
    next_look_ = std::min(calls_ + kCallsBetweenLooks, call_limit_);
    return outside().may_go_on() ? Flow::normal : fail(call, message::interrupted());
}

Flow Evaluator::fail_output(const Call& call) {
    return fail(call, message::output_limit(limit_output_), std::errc::value_too_large);
}

Flow Evaluator::fail(const Call& call, std::string text, std::errc code) {
    return fail_at(call.source, std::move(text), code);
}

Flow Evaluator::fail_at(std::string_view where, std::string text, std::errc code) {
    if (current_ && where.data() >= current_->text.data() &&
        where.data() < current_->text.data() + current_->text.size())
        text += "\n" + show(place_of(*current_, where));
    failure_.emplace(code, std::move(text));
    return Flow::failed;
}

} // namespace mars::macros
