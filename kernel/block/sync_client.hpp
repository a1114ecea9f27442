// SPDX-License-Identifier: GPL-2.0-or-later
// SyncClient: makes the local disk equal to the source's, and transfers only what differs.
// Runs on: the resource's executor. Owns: one connection, a window of batches being compared and patched (bytes
// bounded). The disk must not be written by anybody else meanwhile.
// Guarantees: a position is told only when everything below it equals what some read of the source has seen, and is
// durable here. When run() has returned, no write is in flight.
// Format: docs/formats/sync.md. Spec: transaction-log 13. Tests: tests/unit/block/net_sync_*_test.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/block/device.hpp"
#include "kernel/block/limiter.hpp"
#include "kernel/block/peer_session.hpp"
#include "kernel/block/sync_messages.hpp"
#include "kernel/block/turns.hpp"

namespace mars::block {

struct SyncPlan : PeerPlan {
    std::uint64_t start = 0; // everything below is copied already
    std::uint64_t end = 0;   // the size of the resource; the local disk is at least as large
};

// How a sync ended by itself.
struct SyncEnd {
    enum class Kind {
        finished,  // everything up to the plan's end is equal and durable
        refused,   // the peer does not want us: `text` is its reason
        emergency, // the source must not be copied: what has been copied so far is void, start again at 0
        shorter,   // the source's disk is smaller than the resource; everything it has is copied
    };
    Kind kind = Kind::finished;
    std::string text; // a sentence for people
};

struct SyncCounters {
    std::uint64_t blocks_equal = 0;      // of 4096 bytes; what verifystatus shows
    std::uint64_t blocks_different = 0;  // found different and written
    std::uint64_t segments_repeated = 0; // came out wrong by short digests, and were transferred wholly
    std::uint64_t bytes_compared = 0;
    std::uint64_t bytes_sent = 0; // on the line, everything included
    std::uint64_t bytes_received = 0;
};

// Is told of progress, from the client's task. Must not suspend, nor destroy the client.
class SyncObserver {
  public:
    virtual ~SyncObserver() = default;
    // Everything below `offset` (rising) is equal and durable. About once a second, and at the end.
    virtual void copied(std::uint64_t offset) = 0;
};

class SyncClient {
  public:
    struct Limits {
        SessionLimits session;
        Duration connect = std::chrono::seconds(10);
        Duration no_progress = std::chrono::seconds(90);
        Duration report = std::chrono::seconds(1);
        std::size_t window_bytes = std::size_t{32} << 20; // of the disk, being compared at one time
    };

    // `disk`, `observer`, `digests` (the turns of this host) and the limiters (may be null) must outlive the client.
    // `rate` counts KiB compared, `traffic` KiB transferred, and delays.
    SyncClient(env::Env& env, Device& disk, SyncPlan plan, SyncObserver& observer, Turns& digests,
               Limiter* rate = nullptr, Limiter* traffic = nullptr);
    SyncClient(env::Env& env, Device& disk, SyncPlan plan, SyncObserver& observer, Turns& digests, Limiter* rate,
               Limiter* traffic, Limits limits);

    // Syncs until something ends it, or until it is cancelled; then nothing of it runs any more. Call once.
    // Errors: timed_out, connection_reset, io_error of the local disk or the source, bad_message and protocol_error
    // (the peer sent garbage), permission_denied (the peer is somebody else), invalid_argument (the disk is too small).
    // After an error the sync can go on at copied(); but a local disk that failed a flush is not to be trusted.
    env::task<result<SyncEnd>> run();

    std::uint64_t copied() const { return reported_; }
    SyncCounters counters() const;
    bool is_connected() const { return is_connected_; }

  private:
    // A question to the server that waits for its answer.
    struct Call {
        explicit Call(env::ParkingLot& lot) : arrived(lot) {}
        SyncMessage expected = SyncMessage::verdict;
        std::optional<Frame> answer;
        env::Event arrived;
    };
    // A batch of the local disk.
    struct Work {
        SyncBatch batch;
        AlignedBuffer data;
        std::vector<BlockMask> changed; // per segment: to be written

        explicit Work(SyncBatch b) : batch(b), data(b.length), changed(b.segments()) {}
        std::span<std::byte> all() { return data.first(batch.length); }
        std::span<std::byte> segment(std::size_t i) {
            return all().subspan(batch.segment_begin(i), batch.segment_length(i));
        }
    };

    env::task<result<SyncEnd>> converse();
    env::task<result<std::optional<SyncEnd>>> shake_hands();
    env::task<result<SyncEnd>> receive_loop();
    env::task<result<SyncEnd>> copy_all();
    env::task<result<SyncEnd>> report_loop();
    env::task<result<SyncEnd>> watch_progress();
    result<void> take_answer(Frame frame);

    env::task<result<void>> copy_loop();
    env::task<result<void>> copy_batch(SyncBatch batch);
    std::optional<SyncBatch> next_batch();
    env::task<result<Frame>> ask(SyncBatch batch, OutFrame question, SyncMessage expected);
    env::task<result<SegmentMask>> compare(Work& work);
    env::task<result<void>> patch(Work& work, SegmentMask different);
    env::task<result<SegmentMask>> apply(Work& work, const Frame& answer, SegmentMask expected);
    env::task<result<void>> write_changes(Work& work);
    void complete(const SyncBatch& batch);
    env::task<result<void>> report();

    env::Env& env_;
    Device& disk_;
    SyncPlan plan_;
    SyncObserver& observer_;
    Turns& digests_;
    Limiter* rate_;
    Limiter* traffic_;
    Limits limits_;
    std::optional<PeerSession> peer_; // present while connected

    std::uint64_t end_ = 0;       // of what the source has
    std::uint64_t next_ = 0;      // where the next batch begins
    std::uint64_t completed_ = 0; // everything below is equal, durable or not
    std::uint64_t reported_ = 0;
    std::map<std::uint64_t, std::uint64_t> completed_beyond_; // begin and end of batches above completed_
    std::map<std::uint64_t, Call*> calls_;                    // by the offset of their batch
    Duration progress_at_{};
    bool is_connected_ = false;
    SyncCounters counters_;
};

} // namespace mars::block
