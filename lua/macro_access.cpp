// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/macro_access.hpp"

#include "macros/macros.hpp"
#include "shell/hosts.hpp"
#include "shell/macro_outside.hpp"
#include "shell/verb_table.hpp"

namespace mars::lua {

namespace {

shell::Request request_for(Interpreter& interpreter, const std::string& host) {
    shell::Request request;
    request.verb = shell::find_verb("view");
    request.spelling = "view";
    request.options = interpreter.defaults();
    if (!host.empty()) request.options.host = host;
    return request;
}

// What one evaluation needs.
class Access {
  public:
    Access(Interpreter& interpreter, std::string command, const std::string& host)
        : request_(request_for(interpreter, host)),
          verb_(interpreter.surroundings(), interpreter.view(), request_, {}, {}),
          outside_(verb_), context_{.view = interpreter.view(), .outside = outside_, .host = verb_.me()} {
        context_.real_host = verb_.self();
        context_.ip = shell::known_address(verb_, verb_.me()).value_or("");
        context_.command = std::move(command);
        context_.mars_dir = interpreter.view().root();
        context_.search_path = interpreter.surroundings().macro_path;
    }
    macros::Context& context() { return context_; }

  private:
    shell::Request request_;
    shell::VerbContext verb_;
    shell::MacroOutside outside_;
    macros::Context context_;
};

} // namespace

result<std::string> view_macro(Interpreter& interpreter, const std::string& name, const std::string& resource,
                               const std::string& host) {
    Access access(interpreter, "view-" + name, host);
    return macros::view(access.context(), name, resource);
}

result<std::string> evaluate_macro(Interpreter& interpreter, const std::string& text, const std::string& resource) {
    Access access(interpreter, "macro", {});
    MARS_TRY(auto parsed, macros::parse(text, "macro"));
    return macros::evaluate(access.context(), parsed, resource);
}

} // namespace mars::lua
