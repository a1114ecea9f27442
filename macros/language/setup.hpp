// SPDX-License-Identifier: GPL-2.0-or-later
// Setup: what an evaluation is given by whoever starts it. It stays his, and must outlive the evaluation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "macros/language/added_primitive.hpp"
#include "macros/language/outside.hpp"

namespace mars::macros {

inline constexpr std::size_t kMaxMacroBytes = std::size_t{4} << 20;

// Which behaviour to follow where releases up to 0.1a contradict the manual; differences.hpp has the list.
enum class Compat : std::uint8_t { current, v01a };

// Guards against runaway macros. 0 means: no limit.
struct Limits {
    std::size_t output_bytes = std::size_t{256} << 20; // of any one text or variable
    std::uint64_t calls = 0;                           // primitives and macros called in one view
    std::size_t nesting = 100'000;                     // calls inside calls
    std::size_t copies_bytes = std::size_t{1} << 30;   // of all variables that unfinished calls keep for later
    std::size_t stack_bytes = std::size_t{6} << 20;    // machine stack that one view may use
};

// One step shown by `macro trace`.
struct TraceStep {
    std::size_t depth = 0;
    std::string_view source; // the call as written
    std::string_view value;  // what it yielded
    bool entering = false;   // before the call (no value yet)
};

struct Setup {
    explicit Setup(Outside& world) : outside(world) {}

    Outside& outside;
    std::string command{};                          // value of %{cmd}; empty: the name of the viewed macro
    std::string macro_text{};                       // --macro=TEXT
    std::vector<std::string> search_path{};         // directories with .tpl files
    std::map<std::string, std::string> variables{}; // further predefined variables
    const AddedSource* added = nullptr;             // the caller's own primitives
    Compat compat = Compat::current;
    Limits limits{};
    void (*trace)(void* user, const TraceStep&) = nullptr;
    void* trace_user = nullptr;
};

} // namespace mars::macros
