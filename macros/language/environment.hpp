// SPDX-License-Identifier: GPL-2.0-or-later
// Variables of an evaluation. Names are numbered once per session (Names); an Environment is an array by that number,
// so that `%tmp` and `%call` can copy it. The control flags have fixed numbers, and behind them the variables that the
// embedding program predefines (companion.hpp).
// Spec: macro-language 1.6, 1.8. Tests: tests/unit/macros/vectors_test.cpp.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "macros/language/value.hpp"

namespace mars::macros {

using Slot = std::uint32_t;

// Fixed slots, in the order of kFixedNames (environment.cpp).
enum FixedSlot : Slot { kAbort, kReturn, kStopEval, kNext, kLast, kCallstack, kCmd, kFixedSlots };

class Names {
  public:
    explicit Names(std::span<const std::string_view> predefined);
    Slot slot(std::string_view name);
    // Slot of the numbered variable `number`.
    Slot numbered(std::size_t number);
    std::string_view name(Slot slot) const { return names_[slot]; }
    std::size_t size() const { return names_.size(); }

  private:
    std::deque<std::string> names_; // a deque keeps the keys of `slots_` in place
    std::unordered_map<std::string_view, Slot> slots_;
    std::vector<Slot> numbered_;
};

class Environment {
  public:
    struct Variable {
        Value value;
        bool set = false;
    };

    const Variable* find(Slot slot) const {
        return slot < variables_.size() && variables_[slot].set ? &variables_[slot] : nullptr;
    }
    // The variable, made empty when it did not exist.
    Value& touch(Slot slot) {
        if (slot >= variables_.size()) variables_.resize(slot + 16);
        if (slot <= kCallstack) note_touch(slot);
        variables_[slot].set = true;
        return variables_[slot].value;
    }
    void assign(Slot slot, Value&& value) {
        if (value.is_integer()) return touch(slot).set(value.integer());
        value.keep();
        touch(slot) = std::move(value);
    }
    void assign(Slot slot, std::string_view text) { touch(slot).own() = text; }
    void unset(Slot slot) {
        if (slot >= variables_.size()) return;
        variables_[slot].set = false;
        variables_[slot].value.clear();
    }
    bool truth(Slot slot) const {
        auto* variable = find(slot);
        return variable && variable->value.truth();
    }
    std::string text(Slot slot) const {
        auto* variable = find(slot);
        return variable ? variable->value.str() : std::string();
    }
    // Takes a control flag: true when it was set, which resets it.
    bool take(Slot flag) {
        if (!truth(flag)) return false;
        variables_[flag].value.set(0);
        return true;
    }

    // The call stack grows by a name and shrinks again in place: keeping each former text, as deep recursion needs
    // them, would take memory and time with the square of the depth. A text that a macro has assigned to it is gone
    // when that macro's call ends.
    struct Mark {
        std::size_t length = 0;
        bool assigned = false;
        std::string original{};
    };
    Mark mark_callers();
    void add_caller(std::string_view name) { variables_[kCallstack].value.edit().append(",").append(name); }
    void back_to(Mark&& mark);
    void set_callers(std::string_view names);
    // A copy of everything but the call stack, which takes that over when its turn comes.
    Environment copy();
    void adopt_callers(Environment& from);
    std::size_t bytes() const; // of all texts but the call stack

    // May one of the flags that end a text be set? (A quick check before every call.)
    bool raised() const { return raised_; }
    void lower() { raised_ = truth(kAbort) || truth(kReturn) || truth(kStopEval); }
    // May one of the flags that loops look at be set?
    bool loop_raised() const { return loop_raised_; }
    void lower_loop() { loop_raised_ = truth(kNext) || truth(kLast); }

  private:
    void note_touch(Slot slot);

    std::vector<Variable> variables_;
    bool raised_ = false, loop_raised_ = false;
    bool callers_assigned_ = false; // since the last mark; then the text before is this:
    std::string callers_before_;
};

} // namespace mars::macros
