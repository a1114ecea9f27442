// SPDX-License-Identifier: GPL-2.0-or-later
// Verb: one row of the one table of verbs. From it come the command line, --help, the man page, and every other front
// end. Adding a verb means writing its coroutine and its row, in the file of its family (shell/verbs/verbs_*.cpp).
// Spec: verbs 1.8, 3. Tests: tests/unit/shell/verb_table_test.cpp.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/env/task.hpp"

namespace mars::shell {

class VerbContext;

enum class Family { cluster, resource, switches, role, log, wait, view, macro, script, plugin };

// What the first positional argument means. Spec: verbs 1.6/12.
enum class ResourceArgument {
    none,     // all positionals are arguments
    one,      // exactly one new or existing name, no list
    list,     // mandatory: a name, a comma list, or "all"
    optional, // like list, "all" when missing
    free,     // like list, but may be missing, and the verb is called once for all of them (view)
};

enum class ArgumentType { resource, host, address, disk, device, size, condition, who, text, verb };

struct Argument {
    std::string_view name; // as in the usage: "DEV"
    ArgumentType type;
    bool required;
    bool repeats = false; // only the last one
    std::string_view doc;
    bool may_be_empty = false;
};

enum class DataPlane { any, required, forbidden };

// From which level of --verbose on help lists the verb.
enum Level { kNormal = 0, kExpert = 1, kInternal = 2, kDeprecated = 3, kNotInThisVersion = 99 };

enum VerbFlag : unsigned {
    kReads = 1,            // changes nothing
    kWrites = 2,           // changes keys
    kDestroys = 4,         // data or memberships may be lost
    kClusterWide = 8,      // has effects on other hosts
    kInformational = 16,   // prints nothing but the answer on stdout; no report of any kind
    kNoUuid = 32,          // runs although the host belongs to no cluster
    kNoResourceCheck = 64, // a resource need not exist (C-RES)
    kNoMemberCheck = 128,  // the host need not be member (C-MEMBER)
    kAnyUser = 256,        // need not be root
    kNoTree = 512,         // runs without a tree (help, version)
    kPassesWords = 1024,   // what follows the first argument is passed on as it is, also options
    kRunsOthers = 2048,    // runs other verbs, which may change something
    kEndless = 4096,       // goes on until it is interrupted: that is no failure
};

enum class Step {
    done,
    again, // a LOOP phase that is not satisfied yet
};

// One step of a verb, for the context's resource (or once, when global). A refusal or error ends the verb for this
// resource only.
using PhaseFunction = std::function<env::task<result<Step>>(VerbContext&)>;

// Words of a phase about where its resource stands.
using Telling = std::function<std::string(VerbContext&)>;

// The same words always.
inline Telling says(std::string_view text) {
    return [text](VerbContext&) { return std::string(text); };
}

struct Phase {
    int number; // as in the specification and in headlines
    std::string_view title;
    PhaseFunction run;
    bool global = false;
    bool loop = false;          // repeated for unsatisfied resources until all are done or --timeout has passed
    Telling missing = {};       // what a loop waits for: while it does, and when it has timed out
    Telling stuck = {};         // how things stand then, or after an interruption, and what an operator can do
    std::string_view name = {}; // in the names of events (hooks.hpp); without one: the number
    // Called for a resource for which the phase has failed, timed out, or was refused by a hook: puts back what it and
    // earlier phases have done.
    PhaseFunction undo = {};
    bool together = false; // it waits: all resources at the same time, as in a loop
};

// The phase in the names of events.
inline std::string phase_name(const Phase& phase) {
    return phase.name.empty() ? std::to_string(phase.number) : std::string(phase.name);
}

struct Verb {
    std::string_view name;
    std::vector<std::string_view> aliases;
    Family family;
    Level level = kNormal;
    ResourceArgument resource;
    std::vector<Argument> arguments;            // after the resource
    std::vector<std::string_view> options = {}; // rows of the option table which matter for this verb
    DataPlane data_plane = DataPlane::any;
    unsigned flags;
    std::vector<Phase> phases;
    std::string_view summary;                  // one line
    std::string_view doc;                      // what it does, waits for, and what --force relaxes
    std::vector<std::string_view> errors = {}; // reasons which are special to it

    bool has(VerbFlag flag) const { return (flags & flag) != 0; }
    bool is_built() const { return level != kNotInThisVersion; }
};

std::string_view family_title(Family family);
// "create-resource RES DEV [NAME [SIZE]]".
std::string usage(const Verb& verb);

} // namespace mars::shell
