// SPDX-License-Identifier: GPL-2.0-or-later
// VerbRegistry: all verbs of a session: the rows of the table (verb_table.hpp), and those that plugins add while it
// runs. Command line, help, completion, Lua and REPL ask here and nowhere else. What plugins add is looked for only
// when the table has no answer, or when everything is to be listed, so that plugins cost nothing otherwise. One thread.
// Tests: tests/unit/shell/verb_registry_test.cpp.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shell/command/verb.hpp"

namespace mars::shell {

// A verb as a plugin describes it; it has one phase.
struct AddedVerb {
    struct Word {
        std::string name;
        ArgumentType type = ArgumentType::text;
        bool required = true;
        bool repeats = false;
        std::string doc;
    };

    std::string provider; // "plugin acme"
    std::string name;
    std::string summary;
    std::string doc;
    ResourceArgument resource = ResourceArgument::none;
    std::vector<Word> arguments;
    unsigned flags = 0;
    PhaseFunction run;
};

class VerbRegistry {
  public:
    // `built_in`: the rows of the table (verb_table.hpp), which outlive the registry.
    explicit VerbRegistry(std::vector<const Verb*> built_in) : built_in_(std::move(built_in)) {}
    VerbRegistry(const VerbRegistry&) = delete;
    VerbRegistry& operator=(const VerbRegistry&) = delete;

    // `source` adds what there is to add. Called at most once, when that is first needed.
    void set_source(std::function<void(VerbRegistry&)> source) { source_ = std::move(source); }
    // Failures: usage.verb when the name is malformed or taken. Rows stay valid as long as the registry.
    result<void> add(AddedVerb verb);

    // By name or alias, without any prefix; "view-X" leads to "view". nullptr when unknown.
    const Verb* find(std::string_view name);
    // Without those that are added; does not look for these.
    const Verb* find_built_in(std::string_view name) const;
    const std::vector<const Verb*>& built_in() const { return built_in_; }
    // All verbs, family by family.
    std::vector<const Verb*> all();
    // The most similar name, empty when none is close.
    std::string_view suggest(std::string_view name);
    // Who has added the verb; empty for those of the table.
    std::string_view provider_of(const Verb& verb) const;

  private:
    struct Owned {
        AddedVerb texts;
        Verb row;
    };
    void load();

    std::vector<const Verb*> built_in_;
    std::function<void(VerbRegistry&)> source_;
    std::vector<std::unique_ptr<Owned>> added_;
};

} // namespace mars::shell
