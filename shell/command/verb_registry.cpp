// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/command/verb_registry.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"
#include "shell/words/reason.hpp"
#include "shell/words/suggest.hpp"

namespace mars::shell {

namespace {

bool is_called(const Verb& verb, std::string_view name) {
    return verb.name == name || std::find(verb.aliases.begin(), verb.aliases.end(), name) != verb.aliases.end();
}

} // namespace

void VerbRegistry::load() {
    if (!source_) return;
    auto source = std::exchange(source_, nullptr); // it may look verbs up itself
    source(*this);
}

result<void> VerbRegistry::add(AddedVerb verb) {
    if (!is_identifier(verb.name) || verb.name.starts_with("force-") || verb.name.starts_with("view-"))
        return refusal("usage.verb", "'" + verb.name + "' cannot be the name of a verb");
    if (find_built_in(verb.name))
        return refusal("usage.verb", "the verb " + verb.name + " exists already and cannot be replaced");
    for (const auto& other : added_)
        if (other->texts.name == verb.name)
            return refusal("usage.verb", "the verb " + verb.name + " is already given by " + other->texts.provider);
    auto owned = std::make_unique<Owned>(Owned{std::move(verb), {}});
    const auto& texts = owned->texts;
    auto& row = owned->row;
    row.name = texts.name;
    row.family = Family::plugin;
    row.resource = texts.resource;
    for (const auto& word : texts.arguments)
        row.arguments.push_back({word.name, word.type, word.required, word.repeats, word.doc});
    row.flags = texts.flags;
    Phase phase;
    phase.number = 1;
    phase.run = texts.run;
    row.phases.push_back(std::move(phase));
    row.summary = texts.summary;
    row.doc = texts.doc;
    added_.push_back(std::move(owned));
    return {};
}

const Verb* VerbRegistry::find_built_in(std::string_view name) const {
    if (name.starts_with("view-") && name.size() > 5) name = "view";
    if (name.starts_with("prettyprint-")) name = "prettyprint";
    for (const auto* verb : built_in_)
        if (is_called(*verb, name)) return verb;
    return name.starts_with("view") && name != "view" ? find_built_in("view") : nullptr; // viewNAME
}

const Verb* VerbRegistry::find(std::string_view name) {
    if (const auto* verb = find_built_in(name)) return verb;
    load();
    for (const auto& added : added_)
        if (added->row.name == name) return &added->row;
    return nullptr;
}

std::vector<const Verb*> VerbRegistry::all() {
    load();
    auto all = built_in_;
    for (const auto& added : added_) all.push_back(&added->row);
    return all;
}

std::string_view VerbRegistry::suggest(std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto* verb : all()) {
        if (!verb->is_built()) continue;
        names.push_back(verb->name);
        names.insert(names.end(), verb->aliases.begin(), verb->aliases.end());
    }
    return shell::suggest(name, names);
}

std::string_view VerbRegistry::provider_of(const Verb& verb) const {
    auto is_row = [&](const auto& added) { return &added->row == &verb; };
    auto found = std::find_if(added_.begin(), added_.end(), is_row);
    return found == added_.end() ? std::string_view() : std::string_view((*found)->texts.provider);
}

} // namespace mars::shell
