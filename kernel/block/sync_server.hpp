// SPDX-License-Identifier: GPL-2.0-or-later
// SyncServer: the source's side of the fast full sync (port 7779): compares digests with its own disk, and sends the
// blocks that differ.
// Runs on: the host's executor. Owns: its sessions; per session a bounded number of requests at work, and the data of
// segments that were found different until the client asks for them (bounded).
// Guarantees: what a client makes of a segment is exactly what one read of the source has seen.
// Format: docs/formats/sync.md. Tests: tests/unit/block/net_sync_*_test.cpp.
#pragma once

#include <memory>
#include <string>

#include "kernel/block/limiter.hpp"
#include "kernel/block/peer_server.hpp"
#include "kernel/block/sync_messages.hpp"
#include "kernel/block/turns.hpp"

namespace mars::block {

// The data disk of one resource, below the log. Implemented by the resource's controller.
class SyncSource {
  public:
    virtual ~SyncSource() = default;

    virtual std::uint64_t size() const = 0;
    // False while the disk's content must not be copied (emergency mode of a primary, or not a primary any more).
    virtual bool accepts() const = 0;
    // Reads whole sectors inside the disk; `into` is aligned as direct I/O wants it when `offset` is.
    virtual env::task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) = 0;
};

class SyncServer final : public SourceServer<SyncSource> {
  public:
    // `gate`, `digests` (the turns of this host) and `traffic` (may be null; counts KiB of data sent, and delays) must
    // outlive the server.
    SyncServer(env::Env& env, const PeerGate& gate, FindSource find, Turns& digests, Limiter* traffic = nullptr,
               PeerServer::Limits limits = {});

  private:
    env::task<result<void>> serve(PeerSession& peer, const Hello& hello) override;

    Turns& digests_;
    Limiter* traffic_;
};

} // namespace mars::block
