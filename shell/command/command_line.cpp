// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/command_line.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

// Moves the options from `words` into `request`; returns the positionals.
result<std::vector<std::string>> take_options(const std::vector<std::string>& words, Request& request,
                                              VerbRegistry& verbs) {
    std::vector<std::string> positionals;
    bool options_ended = false;
    for (const auto& word : words) {
        if (positionals.size() == 2 && !options_ended) {
            const auto* verb = verbs.find(positionals.front());
            options_ended = verb && verb->has(kPassesWords);
        }
        if (options_ended || word.size() < 2 || word.front() != '-') {
            positionals.push_back(word);
        } else if (word == "--") {
            options_ended = true;
        } else if (word == "--help" || word == "-h") {
            positionals.insert(positionals.begin(), "help");
        } else if (word == "--version") {
            positionals.insert(positionals.begin(), "version");
        } else if (word == "-e" && positionals.empty()) {
            positionals.push_back("lua-code");
        } else {
            MARS_TRY(const auto* row, apply_option(request.options, word));
            if (!row->effective)
                request.notes.push_back("option --" + std::string(row->name) +
                                        " has no effect in this version: " + std::string(row->doc));
        }
    }
    return positionals;
}

failure unknown_verb(std::string_view name, std::string_view next, VerbRegistry& verbs) {
    std::string close(verbs.suggest(name));
    const std::string family = std::string(name) + "-"; // "macro lst" may mean macro-list
    if (!next.empty())
        if (auto longer = verbs.suggest(family + std::string(next)); longer.starts_with(family)) close = longer;
    std::string text = "unknown verb '" + std::string(name) + "'";
    if (!close.empty()) text += "; did you mean '" + close + "'?";
    return refusal("usage.verb", text + (close.empty() ? "; all" : " All") + " verbs: marsadm help");
}

// "force-VERB" is one more --force, unless a verb of that name exists.
result<void> look_up(std::string word, std::string_view next, Request& request, VerbRegistry& verbs) {
    if (word.starts_with("force-") && !verbs.find_built_in(word)) {
        word.erase(0, 6);
        ++request.options.force;
    }
    request.verb = verbs.find(word);
    if (!request.verb) return unknown_verb(word, next, verbs);
    request.spelling = std::move(word);
    return {};
}

failure bad_argument(const Request& request, const std::string& what) {
    return refusal("usage.arg", request.spelling + ": " + what + "; usage: marsadm " + usage(*request.verb));
}

result<void> check_name(const Request& request, std::string_view what, std::string_view name) {
    if (name.size() > kMaxNameLength)
        return refusal("name.length", request.spelling + ": the name of the " + std::string(what) + " '" +
                                          std::string(name) + "' has " + std::to_string(name.size()) +
                                          " characters, at most " + std::to_string(kMaxNameLength) + " are possible");
    if (!is_identifier(name))
        return refusal("name.syntax", request.spelling + ": '" + std::string(name) + "' cannot be the name of a " +
                                          std::string(what) +
                                          ": letters, digits and _ are possible, after the first character also -");
    return {};
}

result<void> check_argument(const Request& request, const Argument& argument, const std::string& value) {
    switch (argument.type) {
    case ArgumentType::host:
        if (Options scratch; request.verb->name == "join-cluster" && apply_option(scratch, "--ip=" + value))
            return bad_argument(request, "'" + value + "' is an address, but a name is needed as well; next: marsadm " +
                                             request.spelling + " HOST " + value);
        return check_name(request, "host", value);
    case ArgumentType::device:
        return check_name(request, "device", value);
    case ArgumentType::address: {
        Options scratch;
        if (!apply_option(scratch, "--ip=" + value)) return bad_argument(request, "'" + value + "' is no IPv4 address");
        return {};
    }
    case ArgumentType::disk:
    case ArgumentType::size: // needs the verb's own message
    case ArgumentType::resource:
    case ArgumentType::condition:
    case ArgumentType::who:
    case ArgumentType::text:
    case ArgumentType::verb:
        if (value.empty() && !argument.may_be_empty)
            return bad_argument(request, std::string(argument.name) + " is empty");
        return {};
    }
    return {};
}

result<void> check_arguments(const Request& request) {
    const auto& expected = request.verb->arguments;
    std::size_t given = request.arguments.size();
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (expected[i].required && i >= given)
            return bad_argument(request, std::string(expected[i].name) + " is missing");
    bool repeats = !expected.empty() && expected.back().repeats;
    if (given > expected.size() && !repeats)
        return bad_argument(request, "unexpected argument '" + request.arguments[expected.size()] + "'");
    for (std::size_t i = 0; i < given; ++i)
        MARS_TRY_VOID(check_argument(request, expected[std::min(i, expected.size() - 1)], request.arguments[i]));
    return {};
}

// A name, a comma list, or "all".
result<void> check_resources(const Request& request) {
    const auto kind = request.verb->resource;
    if (kind == ResourceArgument::none) return {};
    if (request.resources.empty()) {
        if (kind == ResourceArgument::optional || kind == ResourceArgument::free) return {};
        return bad_argument(request, "the resource is missing");
    }
    if (request.resources == "all") {
        if (kind == ResourceArgument::one)
            return bad_argument(request, "'all' is not possible here, name one resource");
        return {};
    }
    if (kind == ResourceArgument::one) return check_name(request, "resource", request.resources);
    std::string_view rest = request.resources;
    while (true) {
        auto comma = rest.find(',');
        if (comma == 0 || rest.empty())
            return bad_argument(request, "the list '" + request.resources + "' has an empty element");
        MARS_TRY_VOID(check_name(request, "resource", rest.substr(0, comma)));
        if (comma == std::string_view::npos) return {};
        rest.remove_prefix(comma + 1);
    }
}

bool gives_json(const Verb& verb) {
    return std::find(verb.options.begin(), verb.options.end(), "json") != verb.options.end();
}

// Whoever reads JSON must not get something else with exit status 0.
result<void> check_json(const Request& request, const VerbRegistry& verbs) {
    const auto& verb = *request.verb;
    if (gives_json(verb) || verb.has(kRunsOthers) || verb.family == Family::plugin) return {};
    std::string names;
    for (const auto* other : verbs.built_in())
        if (gives_json(*other)) names += (names.empty() ? "" : ", ") + std::string(other->name);
    return refusal("usage.option", "option --json: " + request.spelling + " gives no JSON; these do: " + names +
                                       ", and @HOST, @all before any verb; in Lua every verb returns a table, and "
                                       "mars.json writes it");
}

} // namespace

result<Request> parse_command_line(const std::vector<std::string>& words, const Options& defaults,
                                   VerbRegistry& verbs) {
    Request request;
    request.options = defaults;
    MARS_TRY(auto positionals, take_options(words, request, verbs));
    if (positionals.empty()) return refusal("usage.verb", "no verb given; all verbs: marsadm help");
    // "macro list" is the verb macro-list.
    if (positionals.size() > 1 && !verbs.find_built_in(positionals[0]) &&
        verbs.find_built_in(positionals[0] + "-" + positionals[1])) {
        positionals[0] += "-" + positionals[1];
        positionals.erase(positionals.begin() + 1);
    }
    MARS_TRY_VOID(look_up(positionals.front(), positionals.size() > 1 ? positionals[1] : "", request, verbs));
    std::size_t next = 1;
    if (request.verb->resource != ResourceArgument::none && positionals.size() > 1)
        request.resources = positionals[next++];
    request.arguments.assign(positionals.begin() + static_cast<std::ptrdiff_t>(next), positionals.end());
    if (!request.verb->is_built()) return request; // its refusal is the answer, whatever the arguments
    MARS_TRY_VOID(check_resources(request));
    MARS_TRY_VOID(check_arguments(request));
    if (request.options.json && !defaults.json) MARS_TRY_VOID(check_json(request, verbs));
    return request;
}

} // namespace mars::shell
