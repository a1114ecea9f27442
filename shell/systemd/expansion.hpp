// SPDX-License-Identifier: GPL-2.0-or-later
// Expansion: @{var} @eval{text} @esc{text} @escvar{var} @verbatim{text} in names and texts of templates, in the macro
// environment of one resource; and ^{var} in names, which match instead. One pass from left to right; results are not
// looked at again. Assignments made by an @eval hold for the rest of the unit. Spec: macro-language 6.2, 6.3. Tests:
// tests/unit/shell/unit_generator_test.cpp.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "macros/macros.hpp"
#include "shell/systemd/templates.hpp"

namespace mars::shell::systemd {

// One problem found on the way: where, and what.
struct Finding {
    std::string place; // path of the template, ":line" when it is known
    std::string text;
    bool is_error = false; // the unit could not be made
};

class Expansion {
  public:
    // `context` outlives the object.
    Expansion(macros::Context& context, const Settings& settings);
    ~Expansion();

    // A fresh environment for `resource`.
    void begin(std::string_view resource);
    void set(std::string_view variable, std::string_view value);
    // Failure: an @eval that fails; unit.template. `place`: for findings.
    result<std::string> expand(std::string_view text, const std::string& place);
    // Matches the template name `name`, expanded in the present environment, with the name of a unit. The variables of
    // the match, nullopt when it does not.
    result<std::optional<std::map<std::string, std::string>>> match(std::string_view name, std::string_view unit,
                                                                    const std::string& place);

    std::vector<Finding>& findings() { return findings_; }

  private:
    struct Parts;
    result<std::string> apply(std::string_view form, std::string_view body, const std::string& place);
    result<std::string> evaluate(std::string_view text, const std::string& place);
    result<std::string> variable(std::string_view body, const std::string& place);

    const Settings& settings_;
    std::unique_ptr<Parts> parts_;
    std::vector<Finding> findings_;
};

} // namespace mars::shell::systemd
