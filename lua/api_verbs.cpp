// SPDX-License-Identifier: GPL-2.0-or-later
// Verbs as functions, here and on other hosts.
#include "lua/api.hpp"
#include "lua/interpreter.hpp"
#include "lua/values.hpp"
#include "shell/command/hosts.hpp"
#include "shell/fleet/run_words.hpp"

namespace mars::lua {

namespace {

// The arguments of a call as words of a command line; `show`: what the verb says is also printed.
struct Call {
    std::vector<std::string> words;
    bool show = false;
};

// `options` of a call: true is --name, everything else --name=value; false is left out.
void add_options(lua_State* L, int index, Call& call) {
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            lua_pop(L, 1); // a positional
            continue;
        }
        auto name = dashed(lua_tostring(L, -2));
        if (name == "show") {
            call.show = lua_toboolean(L, -1) != 0;
        } else if (lua_isboolean(L, -1)) {
            if (lua_toboolean(L, -1)) call.words.push_back("--" + name);
        } else if (lua_isstring(L, -1)) {
            call.words.push_back("--" + name + "=" + luaL_tolstring(L, -1, nullptr));
            lua_pop(L, 1);
        } else {
            luaL_error(L, "option %s: a string, number or boolean was expected", name.c_str());
        }
        lua_pop(L, 1);
    }
}

std::string join(const std::vector<std::string>& list) {
    std::string text;
    for (const auto& word : list) text += (text.empty() ? "" : ",") + word;
    return text;
}

void add_positional(lua_State* L, int index, std::vector<std::string>& positionals) {
    if (lua_istable(L, index))
        positionals.push_back(join(check_list(L, index))); // several resources
    else
        positionals.push_back(check_text(L, index));
}

// verb(a, b, {option=value}), or verb{a, b, option=value}.
Call check_call(lua_State* L, const std::string& verb, int first) {
    Call call;
    std::vector<std::string> positionals{verb};
    const int last = lua_gettop(L);
    auto has_option_names = [&](int index) {
        lua_pushnil(L);
        while (lua_next(L, index) != 0) {
            bool is_name = lua_type(L, -2) == LUA_TSTRING;
            lua_pop(L, 1);
            if (!is_name) continue;
            lua_pop(L, 1);
            return true;
        }
        return luaL_len(L, index) == 0;
    };
    if (last == first && lua_istable(L, first) && has_option_names(first)) {
        const auto count = luaL_len(L, first);
        for (lua_Integer i = 1; i <= count; ++i) {
            lua_geti(L, first, i);
            add_positional(L, lua_gettop(L), positionals);
            lua_pop(L, 1);
        }
        add_options(L, first, call);
    } else {
        bool has_options = last > first && lua_istable(L, last);
        for (int i = first; i <= last - (has_options ? 1 : 0); ++i) add_positional(L, i, positionals);
        if (has_options) add_options(L, last, call);
    }
    call.words.push_back("--"); // nothing after it is an option
    call.words.insert(call.words.end(), positionals.begin(), positionals.end());
    return call;
}

class Tee final : public shell::Output {
  public:
    Tee(shell::RecordedOutput& record, shell::Output* other) : record_(record), other_(other) {}
    void write(shell::Severity severity, std::string_view text) override {
        record_.write(severity, text);
        if (other_) other_->write(severity, text);
    }

  private:
    shell::RecordedOutput& record_;
    shell::Output* other_;
};

std::vector<std::string> texts(const shell::RecordedOutput& record, std::initializer_list<shell::Severity> wanted) {
    std::vector<std::string> list;
    for (const auto& event : record.events)
        if (std::find(wanted.begin(), wanted.end(), event.severity) != wanted.end()) list.push_back(event.text);
    return list;
}

// tostring(result): what the verb has answered.
int answer_of(lua_State* L) {
    lua_getfield(L, 1, "answer");
    return 1;
}

void set_result_metatable(lua_State* L) {
    if (luaL_newmetatable(L, "mars.result")) {
        lua_pushcfunction(L, answer_of);
        lua_setfield(L, -2, "__tostring");
    }
    lua_setmetatable(L, -2);
}

class VerbOperation final : public Operation {
  public:
    VerbOperation(Interpreter& interpreter, Call call) : interpreter_(interpreter), call_(std::move(call)) {}

    env::task<void> run() override {
        auto& surroundings = interpreter_.surroundings();
        Tee tee(record_, call_.show ? &surroundings.output : nullptr);
        auto where = surroundings.with(tee);
        result_ = co_await shell::run_words(where, call_.words, interpreter_.defaults());
    }

    int push(lua_State* L) override {
        std::string text;
        std::string reason;
        for (const auto& outcome : result_.outcomes) {
            if (!outcome.failed) continue;
            text += (text.empty() ? "" : "\n") +
                    (outcome.resource.empty() ? "" : "resource " + outcome.resource + ": ") + outcome.failed->text;
            if (reason.empty()) reason = shell::reason_of(*outcome.failed).name;
        }
        if (result_.exit == 0) {
            push_details(L);
            return 1;
        }
        push_failure(L, text, reason);
        push_details(L);
        return 4;
    }

  private:
    void push_details(lua_State* L) {
        lua_newtable(L);
        set_field(L, "exit", result_.exit);
        auto answer = record_.text(shell::Severity::answer);
        if (answer.ends_with('\n')) answer.pop_back();
        set_field(L, "answer", answer);
        lua::push(L, texts(record_, {shell::Severity::info, shell::Severity::hint}));
        lua_setfield(L, -2, "info");
        lua::push(L, texts(record_, {shell::Severity::warning}));
        lua_setfield(L, -2, "warnings");
        lua_newtable(L);
        for (const auto& outcome : result_.outcomes) {
            if (outcome.resource.empty()) continue;
            push_outcome(L, outcome);
            lua_setfield(L, -2, outcome.resource.c_str());
        }
        lua_setfield(L, -2, "resources");
        set_result_metatable(L);
    }
    void push_outcome(lua_State* L, const shell::ResourceOutcome& outcome) {
        lua_newtable(L);
        set_field(L, "phase", outcome.phase);
        lua::push(L, outcome.changed);
        lua_setfield(L, -2, "changed");
        if (!outcome.failed) return;
        set_field(L, "reason", shell::reason_of(*outcome.failed).name);
        set_field(L, "text", outcome.failed->text);
    }

    Interpreter& interpreter_;
    Call call_;
    shell::RecordedOutput record_;
    shell::RunResult result_;
};

int run_local(lua_State* L, const std::string& verb, int first) {
    auto call = check_call(L, verb, first);
    return suspend(L, std::make_shared<VerbOperation>(Interpreter::of(L), std::move(call)));
}

int call_verb(lua_State* L) {
    return run_local(L, check_text(L, lua_upvalueindex(1)), 1);
}

// --- other hosts ---

// The last "[reason]" of what marsadm has printed there.
std::string remote_reason(std::string_view errors) {
    auto close = errors.rfind(']');
    auto open = close == std::string_view::npos ? close : errors.rfind('[', close);
    if (open == std::string_view::npos) return "remote.ssh";
    return std::string(errors.substr(open + 1, close - open - 1));
}

class RemoteVerb final : public Operation {
  public:
    RemoteVerb(Interpreter& interpreter, std::string host, Call call)
        : interpreter_(interpreter), host_(std::move(host)), call_(std::move(call)) {}

    env::task<void> run() override {
        auto& ctx = interpreter_.context();
        const auto& options = interpreter_.defaults();
        shell::RemoteHost host(host_, shell::known_address(ctx, host_).value_or(""));
        auto how = shell::remote_options(options);
        std::vector<std::string> argv{"marsadm"};
        argv.insert(argv.end(), call_.words.begin(), call_.words.end());
        Duration limit = options.timeout.value_or(std::chrono::hours(24)) + std::chrono::seconds(30);
        result_ = co_await ctx.remote().run(std::move(host), std::move(how), std::move(argv), std::string(), limit);
    }

    int push(lua_State* L) override {
        if (!result_) return push_failure(L, result_.error());
        auto trimmed = [](std::string text) {
            if (text.ends_with('\n')) text.pop_back();
            return text;
        };
        auto errors = trimmed(result_->errors);
        if (result_->status != 0)
            push_failure(L, errors.empty() ? "host " + host_ + ": status " + std::to_string(result_->status) : errors,
                         remote_reason(errors));
        lua_newtable(L);
        set_field(L, "exit", result_->status);
        set_field(L, "answer", trimmed(result_->output));
        set_field(L, "errors", errors);
        set_field(L, "host", host_);
        set_result_metatable(L);
        return result_->status != 0 ? 4 : 1;
    }

  private:
    Interpreter& interpreter_;
    std::string host_;
    Call call_;
    result<shell::RemoteResult> result_ = failure(std::errc::not_connected, "");
};

int call_remote(lua_State* L) {
    auto host = check_text(L, lua_upvalueindex(1));
    auto verb = check_text(L, lua_upvalueindex(2));
    auto& interpreter = Interpreter::of(L);
    if (host == interpreter.context().self()) return run_local(L, verb, 1);
    auto call = check_call(L, verb, 1);
    return suspend(L, std::make_shared<RemoteVerb>(interpreter, std::move(host), std::move(call)));
}

// mars.on(host).NAME
int find_remote_function(lua_State* L) {
    auto name = dashed(check_text(L, 2));
    lua_getmetatable(L, 1);
    lua_getfield(L, -1, "host");
    push(L, name);
    lua_pushcclosure(L, call_remote, 2);
    return 1;
}

int on(lua_State* L) {
    auto host = check_text(L, 1);
    lua_newtable(L);
    lua_newtable(L);
    set_field(L, "host", host);
    lua_pushcfunction(L, find_remote_function);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    return 1;
}

int verb(lua_State* L) {
    push_verb(L, dashed(check_text(L, 1)));
    return 1;
}

int view(lua_State* L) {
    auto name = check_text(L, 1);
    lua_remove(L, 1);
    return run_local(L, "view-" + name, 1);
}

constexpr ApiFunction kVerbFunctions[] = {
    {"verb", "mars.verb(name) → function",
     "The function of a verb by its name. mars.NAME is the same, with _ for -. Its arguments are those of the command "
     "line; a list is several resources; a table at the end holds options: true is --name, other values --name=value, "
     "and show=true also prints what the verb says. Or all in one table: mars.primary{\"mydata\", timeout=60}. It "
     "returns a table: exit, answer (also its tostring), info, warnings, and resources (for each: phase, changed); "
     "after a failure nil, text, reason, and that table.",
     "those of the verb; misuse of Lua's types raises", false,
     "local done, why, reason = mars.verb(\"pause-fetch\")(\"nothere\")\nprint(done, reason)", "nil\tres.missing",
     verb},
    {"on", "mars.on(host).VERB(...) → result",
     "Runs a verb on another host through ssh, as root. The result has exit, answer, errors and host. The verb itself "
     "suspends. For the local host it is the same as mars.VERB.",
     "remote.ssh, and those of the verb there", false,
     "local r, why, reason = mars.on(\"b\").pause_fetch(\"r\")\nprint(r, reason)", "nil\tremote.ssh", on},
    {"view", "mars.view(macro [, res [, argument...]]) → result",
     "What marsadm view-MACRO prints; res may be a list or \"all\".", "view.macro, res.missing", true,
     "print(mars.view(\"get-primary\", \"r\"))", "b", view},
};

} // namespace

void push_verb(lua_State* L, std::string_view name) {
    push(L, name);
    lua_pushcclosure(L, call_verb, 1);
}

std::span<const ApiFunction> verb_functions() {
    return kVerbFunctions;
}

} // namespace mars::lua
