// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/repl/completion.hpp"

#include <algorithm>
#include <filesystem>

#include "kernel/base/split.hpp"
#include "lua/api.hpp"
#include "lua/values.hpp"
#include "macros/macros.hpp"
#include "macros/primitives.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/options.hpp"
#include "shell/command/verb_registry.hpp"

namespace mars::shell {

namespace {

using Words = std::vector<std::string>;

class Completer {
  public:
    Completer(LineRunner& runner, std::string_view line) : runner_(runner), line_(line) {}

    Completions find() {
        auto blanks = line_.find_first_not_of(" \t");
        auto first = blanks == std::string_view::npos ? ' ' : line_[blanks];
        if (first == '=') return lua(line_);
        if (line_.substr(std::min(blanks, line_.size())).starts_with("lua ")) return lua(line_);
        if (first == '%') return macro_text();
        if (first == '!') return {};
        return words();
    }

  private:
    // Keeps what begins with the word under way.
    Completions among(Words candidates, std::size_t start, bool ends_word = true) {
        auto word = line_.substr(start);
        std::erase_if(candidates, [&](const auto& c) { return !c.starts_with(word); });
        std::sort(candidates.begin(), candidates.end());
        candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
        return {start, std::move(candidates), ends_word};
    }

    Completions words() {
        auto start = line_.find_last_of(" \t");
        start = start == std::string_view::npos ? 0 : start + 1;
        auto word = line_.substr(start);
        auto before = positionals(line_.substr(0, start));
        while (!before.empty() && (before.front() == "watch" || before.front().starts_with('@')))
            before.erase(before.begin());
        if (word.starts_with("--")) return option(start, word);
        if (word.starts_with('@')) return among(selectors(), start);
        if (before.empty()) return verb(start, word);
        return argument(before, start, word);
    }

    static Words positionals(std::string_view text) {
        Words list;
        while (!text.empty()) {
            auto begin = text.find_first_not_of(" \t");
            if (begin == std::string_view::npos) break;
            text.remove_prefix(begin);
            auto word = text.substr(0, text.find_first_of(" \t"));
            if (!word.starts_with('-')) list.emplace_back(word);
            text.remove_prefix(word.size());
        }
        return list;
    }

    Completions option(std::size_t start, std::string_view word) {
        if (word.starts_with("--host=")) {
            Words hosts;
            for (const auto& host : cluster_hosts(view())) hosts.push_back("--host=" + host);
            return among(std::move(hosts), start);
        }
        Words names;
        for (const auto& row : option_table()) {
            auto name = "--" + std::string(row.name);
            if (row.name == "ip-PEER") continue;
            names.push_back(row.value.starts_with('=') ? name + "=" : name);
        }
        auto found = among(std::move(names), start);
        found.ends_word = found.words.size() != 1 || !found.words.front().ends_with('=');
        return found;
    }

    Words selectors() {
        Words all{"@all"};
        for (const auto& host : cluster_hosts(view())) all.push_back("@" + host);
        for (const auto& name : all_resources(view())) all.push_back("@" + name);
        return all;
    }

    Completions verb(std::size_t start, std::string_view word) {
        if (word.starts_with("view-")) {
            Words names;
            for (const auto& name : macros()) names.push_back("view-" + name);
            return among(std::move(names), start);
        }
        Words names{"watch", "use", "exit", "quit"};
        for (const auto* verb : runner_.surroundings().registry().all()) {
            if (!verb->is_built() || verb->level > kExpert) continue;
            names.emplace_back(verb->name);
        }
        names.emplace_back("view-");
        auto found = among(std::move(names), start);
        found.ends_word = found.words.size() != 1 || found.words.front() != "view-";
        return found;
    }

    Completions argument(const Words& before, std::size_t start, std::string_view word) {
        if (before.front() == "use") return among(all_resources(view()), start);
        const auto* verb = runner_.surroundings().registry().find(before.front());
        if (!verb) return {start, {}, true};
        std::size_t index = before.size() - 1;
        if (verb->resource != ResourceArgument::none) {
            if (index == 0) return resource(*verb, start, word);
            --index;
        }
        if (verb->arguments.empty()) return {start, {}, true};
        const auto& argument = verb->arguments[std::min(index, verb->arguments.size() - 1)];
        switch (argument.type) {
        case ArgumentType::resource:
            return among(all_resources(view()), start);
        case ArgumentType::host:
            return among(cluster_hosts(view()), start);
        case ArgumentType::verb:
            return this->verb(start, word);
        case ArgumentType::disk:
            return file(start, word);
        case ArgumentType::text:
            return argument.name == "FILE" || argument.name == "DIR" ? file(start, word)
                                                                     : among(choices(argument.name), start);
        case ArgumentType::address:
        case ArgumentType::device:
        case ArgumentType::size:
        case ArgumentType::condition:
        case ArgumentType::who:
            break;
        }
        return {start, {}, true};
    }

    // "list|check" is an argument with two possible words.
    static Words choices(std::string_view name) {
        Words list;
        while (name.find('|') != std::string_view::npos || !list.empty()) {
            list.emplace_back(name.substr(0, name.find('|')));
            if (name.find('|') == std::string_view::npos) break;
            name.remove_prefix(name.find('|') + 1);
        }
        return list;
    }

    Completions resource(const Verb& verb, std::size_t start, std::string_view word) {
        Words names;
        if (verb.resource == ResourceArgument::one) {
            names = all_resources(view());
        } else {
            auto comma = word.rfind(',');
            auto done = comma == std::string_view::npos ? std::string() : std::string(word.substr(0, comma + 1));
            for (const auto& name : all_resources(view())) names.push_back(done + name);
            if (done.empty()) names.emplace_back("all");
        }
        return among(std::move(names), start);
    }

    Completions file(std::size_t start, std::string_view word) {
        namespace fs = std::filesystem;
        auto slash = word.rfind('/');
        std::string directory = slash == std::string_view::npos ? "" : std::string(word.substr(0, slash + 1));
        Words names;
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(directory.empty() ? "." : directory, error))
            names.push_back(directory + entry.path().filename().string() + (entry.is_directory(error) ? "/" : ""));
        auto found = among(std::move(names), start);
        found.ends_word = found.words.size() != 1 || !found.words.front().ends_with('/');
        return found;
    }

    Words macros() {
        Words names;
        for (auto name : mars::macros::built_in_names()) names.emplace_back(name);
        for (const auto& entry : mars::macros::primitive_entries())
            if (entry.row->viewable) names.push_back(entry.name);
        std::error_code error;
        for (const auto& place : runner_.surroundings().macro_path)
            for (const auto& entry : std::filesystem::directory_iterator(place, error))
                if (entry.path().extension() == ".tpl") names.push_back(entry.path().stem().string());
        return names;
    }

    Completions macro_text() {
        auto start = line_.rfind('%');
        Words names;
        for (const auto& entry : mars::macros::primitive_entries()) names.push_back("%" + entry.name + "{");
        for (const auto& name : macros()) names.push_back("%" + name + "{");
        return among(std::move(names), start, false);
    }

    // The dotted name before the cursor, looked up from the globals; verbs too below mars.
    Completions lua(std::string_view text) {
        auto start = text.find_last_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
        start = start == std::string_view::npos ? 0 : start + 1;
        auto word = text.substr(start);
        auto dot = word.rfind('.');
        auto path = dot == std::string_view::npos ? std::string_view() : word.substr(0, dot);
        LuaNames job{std::string(path), {}};
        (void)runner_.interpreter().machine().protect(list_names, &job);
        if (path == "mars")
            for (const auto* verb : runner_.surroundings().registry().all())
                if (verb->is_built()) job.names.push_back(mars::lua::underscored(verb->name));
        auto prefix = path.empty() ? std::string() : std::string(path) + ".";
        for (auto& name : job.names) name.insert(0, prefix);
        return among(std::move(job.names), start, false);
    }

    struct LuaNames {
        std::string path;
        Words names;
    };
    static int list_names(lua_State* L) {
        auto& job = *static_cast<LuaNames*>(lua_touserdata(L, 1));
        lua_pushglobaltable(L);
        std::string_view rest = job.path;
        while (!rest.empty()) {
            const std::string name(take_part(rest, '.'));
            lua_pushstring(L, name.c_str());
            if (lua_rawget(L, -2) != LUA_TTABLE) return 0;
        }
        lua_pushnil(L);
        while (lua_next(L, -2) != 0) {
            lua_pop(L, 1);
            if (lua_type(L, -1) == LUA_TSTRING) job.names.emplace_back(lua_tostring(L, -1));
        }
        return 0;
    }

    const tree::DiskView& view() { return runner_.interpreter().view(); }

    LineRunner& runner_;
    std::string_view line_;
};

} // namespace

Completions complete(LineRunner& runner, std::string_view line) {
    return Completer(runner, line).find();
}

} // namespace mars::shell
