// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/macro_access.hpp"

#include "macros/macros.hpp"
#include "shell/command/startup.hpp"
#include "shell/macro/macro_session.hpp"

namespace mars::lua {

namespace {

shell::Request request_for(Interpreter& interpreter, const std::string& host) {
    shell::Request request;
    request.verb = interpreter.surroundings().registry().find_built_in("view");
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
          verb_(interpreter.surroundings(), interpreter.view(), request_, {}, {}), setup_(verb_, std::move(command)) {}
    macros::Context& context() { return setup_.context; }

  private:
    shell::Request request_;
    shell::VerbContext verb_;
    shell::MacroSetup setup_;
};

} // namespace

result<void> check_tree(Interpreter& interpreter) {
    return shell::check_readable(interpreter.surroundings(), interpreter.view().root(), "shell");
}

result<std::string> view_macro(Interpreter& interpreter, const std::string& name, const std::string& resource,
                               const std::string& host) {
    MARS_TRY_VOID(check_tree(interpreter));
    Access access(interpreter, "view-" + name, host);
    return macros::view(access.context(), name, resource);
}

result<std::string> evaluate_macro(Interpreter& interpreter, const std::string& text, const std::string& resource) {
    MARS_TRY_VOID(check_tree(interpreter));
    Access access(interpreter, "macro", {});
    MARS_TRY(auto parsed, macros::parse(text, "macro"));
    return macros::evaluate(access.context(), parsed, resource);
}

} // namespace mars::lua
