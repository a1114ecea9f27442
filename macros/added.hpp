// SPDX-License-Identifier: GPL-2.0-or-later
// AddedPrimitives: primitives that a caller brings along at run time, e.g. those of plugins. One set may serve many
// sessions, through Context::added; it must outlive them, and may grow between evaluations.
//
//     AddedPrimitives added;
//     MARS_TRY_VOID(added.add({"temperature-acme", "{sensor}", 1, 1, "Degrees of a sensor.",
//                              [&](const std::vector<std::string>& args) { return read_sensor(args[0]); }}));
//     context.added = &added;                  // now %temperature-acme{cpu} and view-temperature-acme work
//
// Arguments are evaluated once, from left to right, before the function is called; those beyond max_args are not
// evaluated. A failure, or an exception derived from std::exception, ends the evaluation with its text and the place of
// the call. Template files of that name override it. Tests: tests/unit/macros/added_test.cpp.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "macros/language/added_primitive.hpp"

namespace mars::macros {

class AddedPrimitives : public AddedSource {
  public:
    // Errors: invalid_argument for a malformed name, arity or missing function; file_exists when a primitive or
    // built-in macro has this name, or it was added before. Then nothing changes.
    result<void> add(AddedPrimitive primitive);
    // `source` adds what there is to add. It is called once, when a name is looked for that no other macro or primitive
    // has, or all are listed: plugins cost nothing before.
    void set_source(std::function<void(AddedPrimitives&)> source) { source_ = std::move(source); }
    // Forgets one, when its plugin is unloaded. Not during an evaluation.
    void remove(std::string_view name);
    const AddedPrimitive* find(std::string_view name) const override;
    std::vector<std::string> names() const override;

  private:
    void load() const;

    std::map<std::string, AddedPrimitive, std::less<>> primitives_;
    mutable std::function<void(AddedPrimitives&)> source_;
};

} // namespace mars::macros
