// SPDX-License-Identifier: GPL-2.0-or-later
// FetchServer: streams transaction logs to peers (port 7778): from where the peer is to the durable end, from log to
// log, and on whenever more becomes durable.
// Runs on: the host's executor. Owns: its sessions; per session one open log and the frames on their way (bounded).
// Guarantees: no byte leaves that a crash of this host could still take back (transaction-log TL-W8).
// Format: docs/formats/fetch.md. Tests: tests/unit/block/net_fetch_*_test.cpp.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernel/block/fetch_messages.hpp"
#include "kernel/block/limiter.hpp"
#include "kernel/block/peer_server.hpp"

namespace mars::block {

struct LogState {
    format::LogName name;
    std::uint64_t durable_length = 0; // never shrinks while the log exists
    bool complete = false;            // nobody on this host will append to it any more
};

// The logs of one resource on this host. Implemented by the resource's controller.
class LogSource {
  public:
    virtual ~LogSource() = default;

    // All logs that exist here (not those deleted), in any order.
    virtual std::vector<LogState> logs() const = 0;
    // Notified after each change of what logs() tells.
    virtual env::Event& changed() = 0;
    // Opens a log for reading.
    virtual env::task<result<std::unique_ptr<env::File>>> open(format::LogName name) = 0;
};

class FetchServer final : public SourceServer<LogSource> {
  public:
    // `gate` and `traffic` (may be null; counts KiB of log data, and delays) must outlive the server.
    FetchServer(env::Env& env, const PeerGate& gate, FindSource find, Limiter* traffic = nullptr,
                PeerServer::Limits limits = {});

  private:
    env::task<result<void>> serve(PeerSession& peer, const Hello& hello) override;

    Limiter* traffic_;
};

} // namespace mars::block
