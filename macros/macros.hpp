// SPDX-License-Identifier: GPL-2.0-or-later
// The macro language of `marsadm view`: parse, evaluate, look up, list.
//
//   Context   (context.hpp) what is viewed, from where, with which options.
//   Session   one run of a command: remembers looked-up and parsed macros. Cheap to make, not thread-safe.
//             session.view(name, resource, args)            one macro for one resource ("" for none)
//             session.view_resources(name, resources)       a comma list
//             session.view_all(name, resources)             `view all`: with NAME-header, NAME-global, NAME-footer
//             session.evaluate(macro, resource)             text that was parsed before
//   view(), evaluate(): the same with a session of their own.
//   AddedPrimitives (added.hpp): primitives in C++ that the caller brings along, e.g. for plugins; Context::added.
//   What replaces other texts by macros (unit templates) keeps one Session per resource and evaluates parsed pieces
//   in it with session.evaluate(); to keep assignments from piece to piece, session.evaluate_more().
//   parse()   never fails on odd text (what is no call is ordinary text): it fails only on text above kMaxMacroBytes.
//
// Results of a view end with a newline unless they are empty (spec 1.11): print them as they are.
// Failures: code operation_canceled for a diagnosed failure (`%die`, unknown macro, …; exit status 2),
// argument_out_of_domain for division by zero (exit status 1), timed_out when a wait took too long, value_too_large
// when a limit of Limits was reached. The text begins with the message and is followed by file:line:column, the line
// and a caret, one per line. Spec: macro-language. Tests: tests/unit/macros/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/base/result.hpp"
#include "macros/added.hpp"
#include "macros/language/library.hpp"
#include "macros/language/syntax.hpp"
#include "macros/state/context.hpp"

namespace mars::macros {

result<MacroPtr> parse(std::string text, std::string file, Compat compat = Compat::current);

class Session {
  public:
    explicit Session(Context& context);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    result<std::string> view(std::string_view name, std::string_view resource,
                             const std::vector<std::string>& args = {});
    result<std::string> evaluate(const MacroPtr& macro, std::string_view resource,
                                 const std::vector<std::string>& args = {});

    // Evaluates `macro` with the variables as the last evaluation of this session has left them; the result is as it
    // is, without a newline added. The first call needs begin().
    void begin(std::string_view command, std::string_view resource);
    // `name`: %{0}; empty: that of the macro.
    result<std::string> evaluate_more(const MacroPtr& macro, std::string_view name = {});
    // Value of a variable now, nullopt when it is not set; and an assignment.
    std::optional<std::string> variable(std::string_view name);
    void set_variable(std::string_view name, std::string_view value);

    // The text for several resources: each line after the name of its resource. `default`, macros with a header, global
    // or footer of their own, and all macros of release 0.1a are for people: a separator line for each resource. One
    // that fails contributes an entry in `failures`, and behind a separator line "FAILURE cmd='CMD' res='RES'"; the
    // others go on.
    struct Frame {
        std::string text;
        std::vector<std::pair<std::string, failure>> failures; // resource, why
    };
    // One resource ("" for none) without separator line; a failure as in a list.
    Frame view_one(std::string_view name, std::string_view resource, const std::vector<std::string>& args = {});
    Frame view_resources(std::string_view name, const std::vector<std::string>& resources,
                         const std::vector<std::string>& args = {});
    Frame view_all(std::string_view name, const std::vector<std::string>& resources,
                   const std::vector<std::string>& args = {});

    // Is there a macro or viewable primitive of this name?
    bool has_macro(std::string_view name);
    const AddedPrimitive* find_added(std::string_view name) const;
    // All macros: built-in ones, viewable primitives, and the *.tpl files of the search path.
    std::vector<MacroInfo> list_macros();
    // The text of a macro as it is stored; nullopt when there is none.
    std::optional<std::string> source_of(std::string_view name);
    // The same laid out on indented lines that evaluate to the same: `prettyprint-NAME`.
    std::optional<std::string> pretty(std::string_view name);

    struct Parts;

  private:
    bool names_each_line(std::string_view name);

    std::unique_ptr<Parts> parts_;
};

result<std::string> view(Context& context, std::string_view name, std::string_view resource = {});
result<std::string> evaluate(Context& context, const MacroPtr& macro, std::string_view resource = {});

// Name and text of every macro that `dump-macros` writes as NAME.tpl; `all`: also those that make primitives viewable.
// Read back as template files they behave like the built-in ones.
std::vector<std::pair<std::string, std::string>> dump_macros(bool all, Compat compat = Compat::current);

} // namespace mars::macros
