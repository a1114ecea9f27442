// SPDX-License-Identifier: GPL-2.0-or-later
// Evaluator: walks parsed macro text. Primitives get it together with their call, and evaluate the arguments they want.
// A primitive returns Flow::normal with its result in `out` (which is empty when it is called), or passes on another
// Flow that an evaluation gave it, or the one of fail(). Runs on one thread; nothing here throws on the normal path.
// Spec: macro-language 1.5, 1.8, 1.10, 2.12. Tests: tests/unit/macros/vectors_test.cpp, evaluator_test.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "macros/language/catalogue.hpp"
#include "macros/language/companion.hpp"
#include "macros/language/environment.hpp"
#include "macros/language/library.hpp"
#include "macros/language/regex.hpp"
#include "macros/language/setup.hpp"

// Passes on any flow but the normal one.
#define MARS_FLOW(expression)                                                                                          \
    do {                                                                                                               \
        ::mars::macros::Flow mars_flow = (expression);                                                                 \
        if (mars_flow != ::mars::macros::Flow::normal) return mars_flow;                                               \
    } while (false)

namespace mars::macros {

class Evaluator {
  public:
    Evaluator(const Setup& setup, Library& library, Companion& companion);
    Evaluator(const Evaluator&) = delete;
    Evaluator& operator=(const Evaluator&) = delete;

    // A fresh environment for a view of `subject`; `command` is the name of the viewed macro.
    void begin(std::string_view command, std::string_view subject);
    // Evaluates a whole macro as the viewed one, with arguments that are macro text themselves.
    result<std::string> run(const Macro& macro, std::string_view name, const std::vector<std::string>& args);

    // --- for primitives ---
    // Evaluates `text`; `out` is replaced.
    Flow eval(const Text& text, Value& out) {
        out.clear();
        if (env_.raised()) return eval_raised(text, out);
        if (text.shape == Text::Shape::constant) {
            out = text.constant;
            return Flow::normal;
        }
        return text.shape == Text::Shape::call ? eval_call(text, out) : walk(text, out.own());
    }
    Flow append(const Text& text, std::string& out); // `out` grows
    Flow arg(const Call& call, std::size_t index, Value& out) {
        if (index < call.args.size()) return eval(call.args[index], out);
        out.clear();
        return Flow::normal;
    }
    Flow arg(const Call& call, std::size_t index, std::string& out);
    // The integer that `text` stands for, when that needs no more than constants, variables and sums of them.
    bool quick_integer(const Text& text, std::int64_t& out) const {
        if (text.shape == Text::Shape::constant) {
            out = text.constant.integer();
            return text.constant.is_integer();
        }
        if (text.shape != Text::Shape::call) return false;
        const Binding& binding = text.only->binding;
        return binding.quick && binding.session == session_ && !env_.raised() && binding.quick(*this, *text.only, out);
    }
    Flow operand(const Call& call, std::size_t index, Number& out);
    // Evaluates text that was made by an evaluation.
    Flow eval_result(const Call& call, std::string text, Value& out);
    // Calls a macro or primitive by its plain name, as macro text would, without arguments.
    Flow invoke(std::string_view name, Value& out);
    Flow invoke(std::string_view name, Number& out); // numeric operand of the result
    // Which variables a macro works on: a copy of the caller's; the caller's; or the caller's except the numbered ones.
    enum class Scope : std::uint8_t { copied, shared, own_numbers };
    // Enters `macro` with the arguments of `call` from `first` on.
    Flow enter(const Call& call, const Macro& macro, std::size_t first, Scope scope, Value& out);
    // What is assigned between the two is undone.
    Flow save_env(const Call& call);
    void restore_env();
    // The variable named by the call's first argument.
    Flow variable_slot(const Call& call, Slot& slot) {
        slot = call.binding.slot;
        return call.binding.has_slot ? Flow::normal : named_slot(call, slot);
    }

    Flow fail(const Call& call, std::string text, std::errc code = std::errc::operation_canceled);
    Flow fail(std::string text) { return fail_at({}, std::move(text), std::errc::operation_canceled); }
    bool grew_too_far(std::size_t bytes) const { return limit_output_ && bytes > limit_output_; }
    // Bytes that one text may have.
    std::size_t output_limit() const { return limit_output_ ? limit_output_ : static_cast<std::size_t>(-1); }
    Flow fail_output(const Call& call);
    // Counts a round of a loop like a call, so that loops with an empty body end, too.
    Flow count_round(const Call& round) { return ++calls_ > next_look_ ? look_around(round) : Flow::normal; }

    // Counts the handling of a long list like so many calls as would take about as long.
    Flow count_elements(const Call& call, std::size_t elements) {
        constexpr std::size_t per_call = 16;
        calls_ += elements / per_call;
        return calls_ > next_look_ ? look_around(call) : Flow::normal;
    }

    Companion& companion() { return companion_; }
    Outside& outside() { return setup_.outside; }
    Library& macros() { return library_; }
    Environment& env() { return env_; }
    Names& names() { return names_; }
    RegexCache& regexes() { return regexes_; }
    bool compat() const { return setup_.compat == Compat::v01a; }
    void warn(std::string_view text) { setup_.outside.warn(text); }

  private:
    friend Flow read_variable(Evaluator&, const Call&, Value&);
    friend bool read_integer(const Evaluator&, const Call&, std::int64_t&);
    friend Flow call_traced(Evaluator&, const Call&, Value&);

    Flow call(const Call& call, Value& out) {
        if (call.binding.session != session_) bind(call);
        if (++calls_ > next_look_) MARS_FLOW(look_around(call));
        return call.binding.function(*this, call, out);
    }
    Flow eval_call(const Text& text, Value& out);
    Flow eval_raised(const Text& text, Value& out);
    Flow walk(const Text& text, std::string& out);
    bool flag_ends_text(const Text& text, std::size_t rest, std::size_t start, std::size_t committed, std::string& out);
    void bind(const Call& call);
    void bind_variable(const Call& call, Binding& binding);
    Flow named_slot(const Call& call, Slot& slot);
    Flow set_numbers(const Call& call, std::size_t first, std::string_view name, Scope scope);
    void clear_numbers_from(std::size_t number);
    Flow fail_at(std::string_view where, std::string text, std::errc code);
    // Has the limit of calls been reached, or the evaluation been interrupted?
    Flow look_around(const Call& call);
    // Walks the text of another macro; checks that there is room for it.
    Flow walk_macro(const Call* call, const Macro& macro, Value& out);

    const Setup& setup_;
    Library& library_;
    Companion& companion_;
    Names names_;
    Environment env_;
    RegexCache regexes_;
    const Macro* current_ = nullptr; // whose text is being walked
    const char* stack_top_ = nullptr;
    std::size_t depth_ = 0; // macros inside macros
    std::size_t trace_depth_ = 0;
    std::uint64_t calls_ = 0, call_limit_, next_look_ = 0; // next_look_: as soon as there are more calls than this
    std::size_t limit_output_;
    std::uint64_t session_;
    std::optional<failure> failure_;
    std::unordered_map<std::string, MacroPtr> results_; // parsed texts that evaluations made
    std::size_t results_bytes_ = 0;
    std::unordered_map<std::string, MacroPtr> inner_; // calls made by primitives, by name
    std::vector<Environment> copies_;                 // of the callers of %call, and around %tmp
    std::size_t copies_bytes_ = 0;
};

} // namespace mars::macros
