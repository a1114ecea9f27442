// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/macro_access.hpp"

#include "macros/macros.hpp"
#include "shell/hosts.hpp"
#include "shell/macro_outside.hpp"

namespace mars::lua {

namespace {

// A session over the interpreter's own context; only as long as one evaluation.
class Access {
  public:
    Access(Interpreter& interpreter, std::string command)
        : outside_(interpreter.context()), context_{.view = interpreter.view(),
                                                    .outside = outside_,
                                                    .host = interpreter.context().me()} {
        auto& ctx = interpreter.context();
        context_.real_host = ctx.self();
        context_.ip = shell::known_address(ctx, ctx.me()).value_or("");
        context_.command = std::move(command);
        context_.mars_dir = interpreter.view().root();
        context_.search_path = interpreter.surroundings().macro_path;
    }
    macros::Context& context() { return context_; }

  private:
    shell::MacroOutside outside_;
    macros::Context context_;
};

} // namespace

result<std::string> view_macro(Interpreter& interpreter, const std::string& name, const std::string& resource) {
    Access access(interpreter, "view-" + name);
    return macros::view(access.context(), name, resource);
}

result<std::string> evaluate_macro(Interpreter& interpreter, const std::string& text, const std::string& resource) {
    Access access(interpreter, "macro");
    MARS_TRY(auto parsed, macros::parse(text, "macro"));
    return macros::evaluate(access.context(), parsed, resource);
}

} // namespace mars::lua
