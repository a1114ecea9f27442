// SPDX-License-Identifier: GPL-2.0-or-later
// What the phases of `primary` and `secondary` (shell/steps/handover.hpp) remember of one resource, and what they know
// of the old primary: whether it has answered, and whether it has given its role up. Tests:
// tests/unit/shell/handover_test.cpp, goodbye_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shell/command/context.hpp"
#include "shell/steps/catch_up.hpp"
#include "shell/systemd/phases.hpp"

namespace mars::shell {

struct Handover {
    std::optional<std::string> old; // the primary to take over from, as it was at the beginning
    bool is_known = false;
    bool has_warned = false;
    Stamp first_asked{};   // the first question for news of this command
    Stamp asked{};         // the last one
    Duration asked_at{-1}; // steady; negative: never
    Duration first_asked_at{};
    std::optional<Stamp> asked_after;     // the first question after the old primary was seen to have given its role up
    std::optional<Stamp> asked_members;   // the present phase's question to the other members (have_members_told())
    std::optional<tree::Link> none;       // `primary` as it was before it was looked at last whether everything is here
    std::optional<systemd::Move> move;    // of the application, by systemd
    std::optional<tree::Link> called_off; // `primary`, as this command has written it to call the old primary off
    std::optional<Duration> stopped_at;   // steady: when the application was told to end
    std::optional<std::string> note_before; // what was left of an earlier handover that was not finished
    CatchUp catch_up;
    int noted_phase = 0; // 0: there is no note of this command
};

// The primary to take over from, as it was when the command began; nullopt: nobody, or it has left the resource.
const std::optional<std::string>& old_primary(VerbContext& ctx);
bool takes_over_from_other(VerbContext& ctx);
// The disk of ME is attached, or will be: disk.error, disk.unproven.
result<void> check_disk(const VerbContext& ctx);
// One warning of this kind for each resource and command.
void warn_once(VerbContext& ctx, const std::string& text);

// A missing indicator is no answer yet.
bool has_left_role(const VerbContext& ctx, const std::string& host);
// The host has left the role, and has seen the very version of `primary` that tells it so: it cannot take the role
// again behind our back, whatever the network does from now on. Hosts of older releases do not tell what they have
// seen.
bool has_given_up_role(const VerbContext& ctx, const std::string& host);

// The host was stopped after it had seen that nobody is designated: others may have been made primary without it. Not
// known of hosts of older releases.
bool has_been_away(const VerbContext& ctx, const std::string& host);
// It has been away, had given its role up before, and nothing was heard of it since: all that it knew is here, and
// before it takes the role again it asks who may have had it meanwhile.
bool has_said_goodbye(const VerbContext& ctx, const std::string& host);
// Members that may know that nobody is designated, and have neither answered this phase's question nor been stopped in
// order.
std::vector<std::string> silent_members(VerbContext& ctx);
// While the old primary has not been away, it alone decides: only one side of a broken line has it. That it was stopped
// is known on both sides, so each would go on without the other: then all members that may do so must answer. Asks
// once, until `asked_members` is reset.
env::task<result<bool>> have_members_told(VerbContext& ctx);

// News of positions and roles that a step waits for, asked for again when the last question has been answered: a
// heartbeat would be up to 2 s late.
env::task<result<void>> ask_again(VerbContext& ctx);
// The host has answered a question of this very command.
bool has_answered_at_all(VerbContext& ctx, const std::string& host);
// It has not answered this command, or has ceased to.
bool is_silent(VerbContext& ctx, const std::string& host);
// The old primary has given its role up, and has answered a question that was asked after this was seen: what it had
// written until then has arrived, too, in whatever order.
env::task<result<bool>> has_told_all(VerbContext& ctx, std::string old);

// Nobody else has been made primary: else role.lost, and the application belongs there: what this command has wanted
// would keep it from running anywhere.
env::task<result<void>> check_not_lost(VerbContext& ctx);
// Queues what makes `host` the designated primary; `primary` and the memory of it get `stamp`, or that of the batch.
void queue_designation(VerbContext& ctx, const std::string& host, std::optional<Stamp> stamp = std::nullopt);
// The stamp of a value of `primary` that no command has chosen: any real `primary`, anywhere in the cluster, wins.
Stamp weaker_than_a_command(const std::optional<tree::Link>& before);
bool is_same(const std::optional<tree::Link>& one, const std::optional<tree::Link>& other);
// What replaces that value of `primary` when nobody shall have the role: so weak that a real command wins.
tree::Link nobody_after(const std::optional<tree::Link>& before);
// `primary` := (none), in one batch with what is queued, if it is still as it was when that is looked at under the
// lock. Step::again when it is not: nothing was written, and the caller has to look anew. Errors: of the tree.
env::task<result<Step>> designate_nobody(VerbContext& ctx);

// For whoever looks at the tree when this command does not live to its end: which handover is under way, and how far it
// is (kernel/tree/handover_note.hpp). Queue only; nothing in a dry run, nor when no role is taken over. `to`: who shall
// have the role; this host, if empty.
void note_phase(VerbContext& ctx, int phase, std::string to = {});
// The handover is given up.
void drop_note(VerbContext& ctx);
// It is complete: what earlier ones have left half done, on any host, does not matter any more.
void drop_all_notes(VerbContext& ctx);

} // namespace mars::shell
