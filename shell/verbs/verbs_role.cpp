// SPDX-License-Identifier: GPL-2.0-or-later
// Who is primary, and which replica is thrown away. Spec: verbs 4.17 … 4.19. Tests: tests/unit/shell/handover_test.cpp.
#include "shell/steps/catch_up.hpp"
#include "shell/steps/declare_replica.hpp"
#include "shell/steps/handover.hpp"
#include "shell/steps/invalidate.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

const std::vector<Verb>& role_verbs() {
    static const std::vector<Verb> verbs = {
        {.name = "primary",
         .aliases = {},
         .family = Family::role,
         .resource = ResourceArgument::list,
         .arguments = {},
         .options = {"timeout", "force", "yes", "ignore-sync", "no-return", "now", "window", "systemd-enable"},
         .data_plane = DataPlane::required,
         .flags = kWrites | kClusterWide,
         .phases =
             {{.number = 0, .title = "hear the others", .run = primary_contact, .global = true, .name = "contact"},
              {.number = 1, .title = "check", .run = primary_check, .name = "check", .undo = give_application_back},
              {.number = 2,
               .title = "switch fetch on",
               .run = primary_fetch_on,
               .name = "fetch-on",
               .undo = give_application_back},
              {.number = 2,
               .title = "wait until this host has caught up, while the application runs",
               .run = primary_catch_up,
               .loop = true,
               .missing = catch_up_missing,
               .stuck = catch_up_stuck,
               .name = "catch-up"},
              {.number = 3,
               .title = "wait for the end of the application",
               .run = primary_stop_old,
               .name = "stop-old",
               .undo = give_application_back,
               .together = true},
              {.number = 4,
               .title = "wait until everything has arrived here, then call the old primary off",
               .run = primary_leave_old,
               .loop = true,
               .missing = primary_missing,
               .stuck = primary_stuck,
               .name = "leave-old",
               .undo = give_role_back},
              {.number = 5,
               .title = "wait until the old primary has left its role",
               .run = primary_await_old,
               .loop = true,
               .missing = primary_missing,
               .stuck = primary_stuck,
               .name = "await-old",
               .undo = give_role_back},
              {.number = 6,
               .title = "hear the others again",
               .run = primary_hear_again,
               .global = true,
               .stuck = primary_stuck,
               .name = "hear-all",
               .undo = give_role_back},
              {.number = 7,
               .title = "look again whether everything has arrived",
               .run = primary_await_old,
               .loop = true,
               .missing = primary_missing,
               .stuck = primary_stuck,
               .name = "await-all",
               .undo = give_role_back},
              {.number = 8,
               .title = "designate the new primary",
               .run = primary_designate,
               .name = "designate",
               .undo = give_role_back},
              {.number = 10,
               .title = "wait for the device",
               .run = primary_await_device,
               .name = "await-device",
               .undo = end_note,
               .together = true},
              {.number = 11,
               .title = "start the application",
               .run = primary_start_here,
               .name = "start-here",
               .undo = end_note,
               .together = true}},
         .summary = "Makes this host the primary: a planned handover from the present one.",
         .doc =
             "The device must be closed on the old primary: by systemd, when units are set (set-systemd-unit), which "
             "starts the application here then, and has been found to be ready for that before anything stops; else "
             "umount there first. An application is stopped when this host is about a second behind (--now: at once); "
             "one that does not start here in the end goes back to the old primary by itself, with the role, unless "
             "--no-return: the verb fails, and tells the order. Waits until all its data has arrived and been replayed "
             "here, "
             "calls the old primary off, and appears as /dev/mars/NAME. Refused while the own replica is incomplete, "
             "and while others are syncing unless --ignore-sync. A failure, a timeout, or an interruption gives "
             "everything back: the old primary has the role, and its application is wanted there, so what of it had "
             "ended is started again. Once the old primary "
             "is called off, no interruption (Ctrl-C, SIGTERM, a lost terminal) ends the handover. An old primary that "
             "does not answer is neither called off nor succeeded; when it was stopped in order after "
             "it had left its role, all other members must answer that may have heard of it. Before the device "
             "appears, all members that can be reached must have seen who is primary; when several hosts want it at "
             "once, one wins, and has the application, too. On the primary itself, nothing is written. --force goes on "
             "without the old primary, when that is dead or cannot be reached: only while fetch is paused here "
             "(disconnect), and never with an incomplete replica. It says before what would be lost, as far as that is "
             "known here, and wants --yes, or the name of the resource typed on a terminal. What has arrived is "
             "applied, then this host goes on in a log of its own; all switches are on afterwards. An old primary that "
             "has written more than has arrived here says so when it comes back, as all others do: a split brain, "
             "which "
             "invalidate there resolves.",
         .errors = {"dp.required",    "sync.self",  "sync.peer",        "todo.off",      "disk.error",
                    "disk.unproven",  "role.waits", "role.lost",        "replay.error",  "device.inuse",
                    "emergency.self", "wait.phase", "wait.device",      "device.errlog", "device.blocked",
                    "unit.target",    "unit.write", "unit.bus",         "unit.stop",     "unit.job",
                    "unit.start",     "todo.on",    "role.unconfirmed", "sys.nospace"}},
        {.name = "secondary",
         .aliases = {},
         .family = Family::role,
         .resource = ResourceArgument::list,
         .arguments = {},
         .options = {"timeout", "force"},
         .flags = kWrites | kClusterWide,
         .phases =
             {{.number = 0, .title = "hear the others", .run = secondary_contact, .global = true, .name = "contact"},
              {.number = 1, .title = "check", .run = secondary_check, .name = "check", .undo = give_application_back},
              {.number = 2,
               .title = "stop the application",
               .run = secondary_stop,
               .name = "stop",
               .undo = give_application_back,
               .together = true},
              {.number = 2,
               .title = "designate nobody",
               .run = secondary_leave,
               .loop = true,
               .missing = secondary_unheard,
               .stuck = secondary_untouched,
               .name = "leave",
               .undo = give_application_back},
              {.number = 3,
               .title = "wait until the old primary has left its role",
               .run = secondary_await_old,
               .loop = true,
               .missing = secondary_missing,
               .stuck = secondary_stuck,
               .name = "await-old"},
              {.number = 4,
               .title = "wait for the device",
               .run = secondary_await_device,
               .name = "await-device",
               .together = true}},
         .summary = "Takes the primary role away from whoever has it.",
         .doc =
             "For the last member before it leaves the resource: without a designated primary nothing can be joined, "
             "synced or invalidated. To move the role, give primary on the other host instead. Refused while the "
             "device is in use, for which the primary is asked: one that does not answer is not called off. --force "
             "(with fetch paused) ignores that and neither asks nor waits.",
         .errors = {"todo.on", "dp.required", "role.lost", "device.inuse", "unit.stop", "wait.phase", "wait.device"}},
        {.name = "invalidate",
         .aliases = {},
         .family = Family::role,
         .resource = ResourceArgument::list,
         .arguments = {},
         .options = {"timeout", "force"},
         .flags = kWrites | kDestroys,
         .phases =
             {{.number = 1, .title = "check", .run = invalidate_check, .name = "check"},
              {.number = 2,
               .title = "switch off",
               .run = invalidate_switch_off,
               .name = "switch-off",
               .undo = invalidate_tell},
              {.number = 3,
               .title = "wait until everything is off",
               .run = invalidate_wait,
               .name = "await-off",
               .undo = invalidate_tell,
               .together = true},
              {.number = 4,
               .title = "give the own history up",
               .run = invalidate_cut,
               .name = "cut",
               .undo = invalidate_tell},
              {.number = 6, .title = "purge logs", .run = invalidate_purge, .name = "purge", .undo = invalidate_tell},
              {.number = 8,
               .title = "position at the primary's log",
               .run = invalidate_link,
               .name = "link",
               .undo = invalidate_tell},
              {.number = 10,
               .title = "switch on",
               .run = invalidate_switch_on,
               .name = "switch-on",
               .undo = invalidate_tell}},
         .summary = "Throws this host's version away and copies the primary's again.",
         .doc = "Resolves a split brain, and repairs a replica that is orphaned, damaged or was written to by "
                "accident. All "
                "four switches are on afterwards. After a change of role it waits up to 30 s until that has settled; "
                "the sync "
                "is not waited for. The actual primary is refused, also with --force. Refused while the primary, which "
                "the copy comes from, does not answer (within half a window, or --timeout), while this host has "
                "more than a primary that is not at work, and while the log that the primary is writing is damaged. "
                "--force ignores that, and does not wait for the replica to be at rest.",
         .errors = {"dp.required", "wait.cluster", "role.isprimary", "role.designated", "role.flipping", "role.none",
                    "role.self", "replay.link", "replay.error", "replay.ahead", "logs.race", "wait.indicator"}},
        {.name = "fake-sync",
         .aliases = {},
         .family = Family::role,
         .level = kExpert,
         .resource = ResourceArgument::list,
         .arguments = {},
         .options = {"timeout"},
         .flags = kWrites | kDestroys,
         .phases = {{.number = 1, .title = "switch sync off", .run = fake_sync_switch_off, .name = "switch-off"},
                    {.number = 2,
                     .title = "wait until no sync runs",
                     .run = fake_sync_wait,
                     .name = "await-off",
                     .together = true},
                    {.number = 3, .title = "declare complete", .run = fake_sync_declare, .name = "declare"}},
         .summary = "Declares this host's replica to be complete, whatever its disk holds.",
         .doc = "For a disk that was copied by other means, or as the last resort before primary --force. Possibly "
                "garbage counts as consistent then. The sync switch stays off: resume-sync, or up, afterwards.",
         .errors = {"wait.indicator"}},
        {.name = "set-replay",
         .aliases = {},
         .family = Family::role,
         .level = kExpert,
         .resource = ResourceArgument::one,
         .arguments = {{"NR", ArgumentType::text, true, false, "the number of the log to begin with"}},
         .options = {"force"},
         .flags = kWrites | kDestroys,
         .phases = {{.number = 1, .title = "check", .run = set_replay_check, .name = "check"},
                    {.number = 8, .title = "move the position", .run = set_replay_link, .name = "link"}},
         .summary = "Makes replay begin with another log of the primary.",
         .doc = "Replay must be paused here, and somebody else be the designated primary. To leave logs out wants "
                "--force, and leaves a replica that only looks like one; invalidate is nearly always right instead.",
         .errors = {"usage.arg", "role.none", "role.self", "role.isprimary", "role.designated", "role.flipping",
                    "todo.on", "replay.link", "replay.skip", "wait.cluster"}},
    };
    return verbs;
}

} // namespace mars::shell
