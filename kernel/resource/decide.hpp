// SPDX-License-Identifier: GPL-2.0-or-later
// decide(): what this host shall do about one resource now: a pure function of the tree and of the local state.
// No memory, no I/O, no clock: the Controller (controller.hpp) moves one step towards the plan and asks again whenever
// something has changed, so there is nothing to resume after a crash but the tree.
// Spec: symlink-tree 4 (rule ids A…, P…, R…, S…, Y…, F…, G… below), transaction-log 8, 13.
// Tests: tests/unit/resource/decide_test.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/format/replay_link.hpp"
#include "kernel/tree/view.hpp"

namespace mars::resource {

using format::LogName;

// What runs on the disk. At most one at a time; off means completely off.
enum class Engine { off, replaying, appending, syncing };

// A local logfile and how much of it is known to be durable here.
struct LocalLog {
    LogName name;
    std::int64_t length = 0;
};

// Replay has come to the beginning of a record whose rest is not here.
struct TornEnd {
    LogName log;
    std::int64_t position = 0; // the end of the last whole record
    std::int64_t length = 0;
};

// The local state that decide() needs beside the tree.
struct Local {
    std::string me;
    bool shutting_down = false;
    // False during the first moments after the start, until peers had the chance to deliver a newer `primary` (4.2).
    bool may_be_designated = true;
    Engine engine = Engine::off;
    std::optional<LogName> appending_to;
    // The appending logger takes no writes any more, because its log has failed (a full /mars, an I/O error) or it is
    // being ended. It has to go; the next one begins in a new log.
    bool is_append_over = false;
    bool device_exists = false;
    int open_count = 0;
    bool disk_is_open = false;
    // Length of a log from which on the primary begins the next one by itself; 0: never (G3).
    std::int64_t rotate_at = 0;
    std::vector<LocalLog> logs; // ascending by (number, host)
    // Replay stopped here, because the log is damaged or cannot be read, and would stop here again.
    std::optional<LogName> damaged;
    std::int64_t damaged_from = 0; // what is before is good
    std::optional<TornEnd> torn_end;
    // Members may be asked for what is damaged (again).
    bool may_repair = false;
    // Replay has failed for another reason a moment ago.
    bool replay_must_pause = false;
    // The sync that runs has had its turn: it gives way to replay, if that has something to do (Y9).
    bool sync_had_turn = false;
    // It gave way, and replay has not run since: that goes first if it can do something.
    bool replay_has_turn = false;
    // Why this host must not go on as primary before a member has answered; empty: it may.
    std::string missing_past;
    // An operator has said that this host's disk is what is wanted, whatever is missing: `marsadm --force trust-disk`.
    bool is_trusted = false;
    // The first log that this host was writing when it died, and that is missing or shorter than what was promised of
    // it: the disk may hold more of it than any log tells.
    std::optional<LogName> gone_log;
    // This host had written more than it finds; what members have is not to be overruled by fetch being off.
    bool was_put_back = false;
    // Members that can be reached, and do not know yet that this host is to be primary; empty: all do.
    std::string unaware;
    // The designated primary's daemon has been heard of lately.
    bool primary_is_alive = true;
};

enum class Work { nothing, replay, sync, append };

struct Plan {
    bool open_disk = false;
    Work work = Work::nothing;
    // replay: [start, end) of `log`. append: `log`. sync: from byte `start` to `end`, from host `source`.
    LogName log;
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::string source;
    // Rotation: the appending logger shall go on in this log.
    std::optional<LogName> rotate_to;
    // The replay link shall move to position 0 of this log (R4, R5); created empty first if `create_log`.
    std::optional<LogName> step_to;
    bool create_log = false;
    // What is left of a log that nobody can complete goes before that: others shall not wait for its rest.
    std::optional<LogName> remove_log;
    // The own version link of the current log shall say this length before anything else (P9).
    std::optional<std::int64_t> correct_version_to;
    bool device = false;
    // Fetch from the first of `fetch_from` that answers, beginning at `fetch_offset` of `fetch_log`.
    bool fetch = false;
    LogName fetch_log;
    // Later logs are here already, but `fetch_log` is short: what replay needs first comes first.
    bool fetch_gap = false;
    std::int64_t fetch_offset = 0;
    std::vector<std::string> fetch_from;
    // Instead, `log` is damaged behind `start`, and the first of `fetch_from` that can shall replace what is bad.
    bool repair = false;
    // The disk is not yet a copy of the primary's, and the primary is there to copy from: it bounds replay (TL-Y1).
    bool sync_wanted = false;
    // The sync ends because it has had its turn.
    bool is_replays_turn = false;
    // Why things stand still, by message key (2.12): "err-splitbrain-detected" → text.
    std::map<std::string, std::string> messages;
};

Plan decide(const tree::View& view, const std::string& resource, const Local& local);

} // namespace mars::resource
