// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/environment.hpp"

#include <array>

namespace mars::macros {

namespace {

constexpr std::array<std::string_view, kFixedSlots> kFixedNames{
    "__abort__", "__return__", "__stop_eval__", "__next__", "__last__", "callstack", "cmd"};

} // namespace

Names::Names(std::span<const std::string_view> predefined) {
    for (auto name : kFixedNames) slot(name);
    for (auto name : predefined) slot(name);
}

Slot Names::slot(std::string_view name) {
    if (auto found = slots_.find(name); found != slots_.end()) return found->second;
    auto slot = static_cast<Slot>(names_.size());
    names_.emplace_back(name);
    slots_.emplace(names_.back(), slot);
    return slot;
}

Slot Names::numbered(std::size_t number) {
    while (numbered_.size() <= number) numbered_.push_back(slot(std::to_string(numbered_.size())));
    return numbered_[number];
}

void Environment::note_touch(Slot slot) {
    if (slot < kCallstack) {
        (slot <= kStopEval ? raised_ : loop_raised_) = true;
    } else if (!callers_assigned_) {
        callers_before_ = text(kCallstack);
        callers_assigned_ = true;
    }
}

Environment::Mark Environment::mark_callers() {
    Mark mark{variables_[kCallstack].value.edit().size(), callers_assigned_, std::move(callers_before_)};
    callers_assigned_ = false;
    callers_before_.clear();
    return mark;
}

void Environment::back_to(Mark&& mark) {
    std::string& names = variables_[kCallstack].value.edit();
    if (callers_assigned_) names = std::move(callers_before_);
    names.resize(mark.length);
    callers_assigned_ = mark.assigned;
    callers_before_ = std::move(mark.original);
}

void Environment::set_callers(std::string_view names) {
    assign(kCallstack, names);
    callers_assigned_ = false;
    callers_before_.clear();
}

Environment Environment::copy() {
    Value names = std::exchange(variables_[kCallstack].value, Value());
    std::string before = std::exchange(callers_before_, std::string());
    Environment copied = *this;
    variables_[kCallstack].value = std::move(names);
    callers_before_ = std::move(before);
    return copied;
}

void Environment::adopt_callers(Environment& from) {
    variables_[kCallstack].value = std::move(from.variables_[kCallstack].value);
    callers_assigned_ = from.callers_assigned_;
    callers_before_ = std::move(from.callers_before_);
}

std::size_t Environment::bytes() const {
    std::size_t sum = 0;
    for (Slot slot = 0; slot < variables_.size(); ++slot)
        sum += sizeof(Variable) + (slot == kCallstack ? 0 : variables_[slot].value.text_bytes());
    return sum;
}

} // namespace mars::macros
