// SPDX-License-Identifier: GPL-2.0-or-later
// LogFetcher: brings the logs of one resource from one peer into the local directory, from a given log on, for as long
// as it runs: whatever becomes durable there is soon durable here.
// Runs on: the resource's executor. Owns: one connection, the open log, received data that is not yet written (bytes
// bounded). While one batch is being synced the next one is received.
// Guarantees: a log grows strictly by appending, and a length is told only when it is durable (transaction-log TL-Y3),
// so that replay can follow at once.
// Format: docs/formats/fetch.md. Tests: tests/unit/block/net_fetch_*_test.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "kernel/block/limiter.hpp"
#include "kernel/block/log_fetch_file.hpp"
#include "kernel/block/peer_session.hpp"

namespace mars::block {

struct FetchPlan : PeerPlan {
    std::string directory; // where the logs are, e.g. /mars/resource-mydata
    format::LogName log;   // the first one to fetch
    // Everything in it below this is known to be right, because it has been replayed: it is kept in any case.
    std::uint64_t verified = 0;
};

// How a fetch ended by itself. None of them can be cured by trying the same again at once.
struct FetchEnd {
    enum class Kind {
        refused,  // the peer does not want us: `text` is its reason
        conflict, // the next log exists from several hosts: `logs`. Everything before has been fetched
        absent,   // the peer does not have `logs[0]`
        shorter,  // the peer's copy of `logs[0]` ends at `length`, before ours. Ours was left alone
        differs,  // our copy of `logs[0]` differs from the peer's at `length` or before. Ours was left alone
    };
    Kind kind = Kind::refused;
    std::string text; // a sentence for people
    std::vector<format::LogName> logs;
    std::uint64_t length = 0;
};

// Is told of progress, from the fetcher's task. Must not suspend, nor destroy the fetcher.
class FetchObserver {
  public:
    virtual ~FetchObserver() = default;
    // `name` exists here and is durable up to `durable_length`. It rises, but for the first call of a fetch: a torn or
    // damaged tail may have been cut off (never below the plan's `verified`).
    virtual void log_grew(const format::LogName& name, std::uint64_t durable_length) = 0;
    // `name` is here completely: its successor comes next.
    virtual void log_complete(const format::LogName& name, std::uint64_t length) = 0;
};

class LogFetcher {
  public:
    struct Limits {
        SessionLimits session;
        Duration connect = std::chrono::seconds(10);
        Duration no_progress = std::chrono::seconds(120);
        std::size_t queue_bytes = std::size_t{16} << 20;
    };

    // `observer` and `rate` (may be null; counts KiB made durable) must outlive the fetcher.
    LogFetcher(env::Env& env, FetchPlan plan, FetchObserver& observer, Limiter* rate = nullptr);
    LogFetcher(env::Env& env, FetchPlan plan, FetchObserver& observer, Limiter* rate, Limits limits);

    // Fetches until something ends it, or until it is cancelled; then nothing of it runs any more. Call once.
    // Errors: timed_out (no connection, a silent peer, no progress), connection_reset, no_space_on_device, io_error of
    // the local file or (as remote_io_error) the peer's, bad_message and protocol_error (the peer sent garbage),
    // permission_denied (the peer is somebody else). All may be tried again, after a while or with another peer.
    env::task<result<FetchEnd>> run();

    // For status: the log that is being fetched, how much of it is durable here and at the peer (as far as known).
    const format::LogName& log() const { return plan_.log; }
    std::uint64_t durable_length() const { return file_ ? file_->durable_length() : 0; }
    std::uint64_t peer_length() const { return peer_length_; }
    bool is_connected() const { return is_connected_; }
    // The peer may not be there any more: it shall give a sign of life.
    void ask_for_sign() {
        if (peer_) peer_->ask_for_sign();
    }

  private:
    // What has been received and waits for the disk.
    struct Received {
        enum class Kind { begins, data, ends };
        Kind kind = Kind::data;
        format::LogName log;
        std::uint64_t offset = 0; // begins: where; ends: the length
        std::vector<std::byte> payload;
        std::size_t skip = 0; // the data begins here in `payload`
    };
    struct GoOn {};
    struct AskAgain {}; // plan_.log is partly here already: request its rest
    using Outcome = std::variant<GoOn, AskAgain, FetchEnd>;

    env::task<result<Outcome>> run_once();
    env::task<result<Outcome>> converse(PeerSession& peer);
    env::task<result<FetchRequest>> prepare();

    env::task<result<Outcome>> receive_loop(PeerSession& peer);
    env::task<result<Outcome>> receive_one(PeerSession& peer, Frame frame);
    result<void> take_begins(const Frame& frame);
    result<void> take_data(Frame frame);
    result<void> take_ends(const Frame& frame);
    void push(Received item);
    env::task<result<Outcome>> finish(FetchEnd end);

    env::task<result<Outcome>> write_loop();
    env::task<result<Outcome>> begin_log(const Received& item);
    env::task<result<Outcome>> first_log_begins(std::uint64_t offset);
    env::task<result<void>> write_batch();
    result<void> end_log(const Received& item);
    env::task<result<Outcome>> watch_progress(PeerSession& peer);

    env::Env& env_;
    FetchPlan plan_;
    FetchObserver& observer_;
    Limiter* rate_;
    Limits limits_;

    std::unique_ptr<FetchedLog> file_;
    FetchRequest request_;
    enum class Stage { requested, in_log, between_logs };
    Stage stage_ = Stage::requested; // of what has been received
    bool has_first_log_ = false;     // the writer has begun

    std::deque<Received> queue_;
    std::size_t queued_bytes_ = 0;
    bool is_writing_ = false;
    env::Event queued_;
    env::Event room_;

    format::LogName incoming_log_;
    std::uint64_t incoming_offset_ = 0;
    std::uint64_t peer_length_ = 0;
    Duration progress_at_{};
    bool is_connected_ = false;
    PeerSession* peer_ = nullptr; // while it lasts
};

} // namespace mars::block
