// SPDX-License-Identifier: GPL-2.0-or-later
// repair_log: mends a local log from somebody else's copy of it. Records that are damaged here are overwritten in place
// by the peer's, which are verified by their checksums first; what is good stays as it is, so that no byte is lost that
// only this host has. Any member may have the good copy; the log may be the own one. Runs on: the resource's executor;
// while it runs, nobody else writes to the log. A crash in between leaves the log damaged, as it was, or less. Spec:
// transaction-log 8.5, symlink-tree F7, which fetch the whole log again. Format: docs/formats/fetch.md. Tests:
// tests/unit/block/log_repair_test.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "kernel/block/peer_session.hpp"
#include "kernel/env/env.hpp"
#include "kernel/format/log_name.hpp"

namespace mars::block {

struct RepairPlan : PeerPlan {
    std::string directory; // where the logs are, e.g. /mars/resource-mydata
    format::LogName log;
    std::uint64_t from = 0; // a record boundary; everything below is right, because it has been replayed
};

struct RepairEnd {
    bool is_whole = false;      // no damage is left in the log
    std::uint64_t replaced = 0; // bytes of records that were overwritten
    std::string text;           // a sentence for people: what the peer lacks, when it is not whole
};

// Ends when the log is whole, or the peer has nothing more that helps. Errors: of the connection, of the local file,
// and bad_message for garbage; what has been mended until then stays.
env::task<result<RepairEnd>> repair_log(env::Env& env, RepairPlan plan, SessionLimits limits = {});

} // namespace mars::block
