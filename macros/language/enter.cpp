// SPDX-License-Identifier: GPL-2.0-or-later
// How a macro is entered from macro text: numbered variables, call stack, and what ends at its border.
// Spec: macro-language 1.9, 2.12.
#include "macros/language/evaluator.hpp"
#include "macros/language/messages.hpp"

namespace mars::macros {

namespace {

// The numbered variables of a caller, put back when its direct call is finished.
class SavedNumbers {
  public:
    SavedNumbers(Evaluator& evaluator, std::size_t used) : evaluator_(evaluator) {
        for (std::size_t i = 0;; ++i) {
            auto* variable = evaluator.env().find(evaluator.names().numbered(i));
            if (!variable && i >= used) break;
            values_.push_back(variable ? *variable : Environment::Variable{});
        }
    }
    void restore() {
        auto& env = evaluator_.env();
        auto& names = evaluator_.names();
        for (std::size_t i = 0; i < values_.size(); ++i) {
            if (values_[i].set)
                env.assign(names.numbered(i), std::move(values_[i].value));
            else
                env.unset(names.numbered(i));
        }
        for (std::size_t i = values_.size(); env.find(names.numbered(i)); ++i) env.unset(names.numbered(i));
    }

  private:
    Evaluator& evaluator_;
    std::vector<Environment::Variable> values_;
};

} // namespace

void Evaluator::clear_numbers_from(std::size_t number) {
    for (; env_.find(names_.numbered(number)); ++number) env_.unset(names_.numbered(number));
}

// Sets %{1}… to the arguments from `first` on and %{0} to the name. Release 0.1a assigns each at once where caller and
// callee share their variables, so that later arguments see it.
Flow Evaluator::set_numbers(const Call& call, std::size_t first, std::string_view name, Scope scope) {
    std::size_t count = call.args.size() > first ? call.args.size() - first : 0;
    bool at_once = scope == Scope::shared;
    std::vector<Value> values(at_once ? 0 : count);
    for (std::size_t i = 0; i < count; ++i) {
        Value value;
        MARS_FLOW(eval(call.args[first + i], value));
        value.keep();
        if (at_once)
            env_.assign(names_.numbered(i + 1), std::move(value));
        else
            values[i] = std::move(value);
    }
    // It evaluates the name of %call and %include a second time for %{0}.
    Value zero;
    if (compat() && first > 0)
        MARS_FLOW(eval(call.args[0], zero));
    else
        zero.borrow(name);
    zero.keep();
    if (scope == Scope::copied) MARS_FLOW(save_env(call));
    for (std::size_t i = 0; i < values.size(); ++i) env_.assign(names_.numbered(i + 1), std::move(values[i]));
    env_.assign(names_.numbered(0), std::move(zero));
    clear_numbers_from(count + 1);
    return Flow::normal;
}

// Recursion multiplies large variables: the sum is limited.
Flow Evaluator::save_env(const Call& call) {
    copies_bytes_ += env_.bytes();
    const auto limit = setup_.limits.copies_bytes;
    if (limit && copies_bytes_ > limit) return fail(call, message::nesting_limit(), std::errc::value_too_large);
    copies_.push_back(env_.copy());
    return Flow::normal;
}

void Evaluator::restore_env() {
    Environment& saved = copies_.back();
    copies_bytes_ -= saved.bytes();
    saved.adopt_callers(env_);
    env_ = std::move(saved);
    copies_.pop_back();
}

Flow Evaluator::enter(const Call& call, const Macro& macro, std::size_t first, Scope scope, Value& out) {
    std::optional<SavedNumbers> saved;
    if (scope == Scope::own_numbers) saved.emplace(*this, call.args.size() + 1);
    auto callers = env_.mark_callers();
    env_.add_caller(macro.name);
    MARS_FLOW(set_numbers(call, first, macro.name, scope));

    Flow flow = walk_macro(&call, macro, out);
    if (flow == Flow::failed) return flow;
    if (flow == Flow::abort) out.clear();
    if (scope == Scope::copied) restore_env();
    env_.back_to(std::move(callers));
    if (saved) saved->restore();
    return Flow::normal;
}

} // namespace mars::macros
