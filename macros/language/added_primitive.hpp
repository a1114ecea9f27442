// SPDX-License-Identifier: GPL-2.0-or-later
// AddedPrimitive: a primitive that comes from outside at run time, and where the language looks for such.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"

namespace mars::macros {

struct AddedPrimitive {
    std::string name;  // a letter, then letters, digits, - and _; found exactly as written
    std::string usage; // the arguments, as in the reference: "{sensor}[{unit}]"; "{}" for none
    int min_args = 0;
    int max_args = 0; // at most 9
    std::string doc;  // one sentence of effect, what fails
    std::function<result<std::string>(const std::vector<std::string>&)> function;
};

class AddedSource {
  public:
    virtual ~AddedSource() = default;

    // nullptr when there is none. Valid as long as no primitive is removed.
    virtual const AddedPrimitive* find(std::string_view name) const = 0;
    virtual std::vector<std::string> names() const = 0;
};

} // namespace mars::macros
