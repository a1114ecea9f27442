// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/log_fetch_client.hpp"

#include <algorithm>

namespace mars::block {

namespace {

failure unexpected(const PeerSession& peer, std::string_view what) {
    return failure(std::errc::protocol_error, peer.remote().text() + " sent " + std::string(what));
}

FetchEnd make_end(FetchEnd::Kind kind, std::string text, std::vector<format::LogName> logs = {},
                  std::uint64_t length = 0) {
    FetchEnd end;
    end.kind = kind;
    end.text = std::move(text);
    end.logs = std::move(logs);
    end.length = length;
    return end;
}

FetchEnd conflict_end(std::vector<format::LogName> logs) {
    std::string text = "several hosts claim to have written the next log:";
    for (auto& log : logs) text += " " + log.text();
    return make_end(FetchEnd::Kind::conflict, std::move(text), std::move(logs));
}

FetchEnd absent_end(const std::string& host, const format::LogName& log) {
    return make_end(FetchEnd::Kind::absent, host + " does not have " + log.text(), {log});
}

FetchEnd shorter_end(const std::string& host, const LogEnds& theirs) {
    return make_end(FetchEnd::Kind::shorter,
                    theirs.log.text() + " ends at " + std::to_string(theirs.length) + " on " + host +
                        ", before the local copy, which is left alone",
                    {theirs.log}, theirs.length);
}

} // namespace

LogFetcher::LogFetcher(env::Env& env, FetchPlan plan, FetchObserver& observer, Limiter* rate)
    : LogFetcher(env, std::move(plan), observer, rate, Limits()) {}

LogFetcher::LogFetcher(env::Env& env, FetchPlan plan, FetchObserver& observer, Limiter* rate, Limits limits)
    : env_(env), plan_(std::move(plan)), observer_(observer), rate_(rate), limits_(limits), queued_(env.lot()),
      room_(env.lot()) {}

env::task<result<FetchEnd>> LogFetcher::run() {
    for (;;) {
        auto outcome = co_await run_once();
        is_connected_ = false;
        file_.reset();
        if (!outcome) co_return outcome.error();
        if (auto* end = std::get_if<FetchEnd>(&*outcome)) co_return std::move(*end);
    }
}

env::task<result<LogFetcher::Outcome>> LogFetcher::run_once() {
    queue_.clear();
    queued_bytes_ = 0;
    stage_ = Stage::requested;
    has_first_log_ = false;
    incoming_log_ = plan_.log;
    peer_length_ = 0;
    progress_at_ = env_.clock().steady();
    MARS_CO_TRY(request_, co_await prepare());
    MARS_CO_TRY(std::unique_ptr<env::Stream> stream, co_await env_.net().connect(plan_.peer, limits_.connect));
    PeerSession peer(env_, std::move(stream), limits_.session);
    struct Shown {
        ~Shown() { place = nullptr; }
        PeerSession*& place;
    } const shown{peer_};
    peer_ = &peer;
    co_return co_await peer.run(converse(peer));
}

// Opens the local copy if there is one. Creates nothing yet.
env::task<result<FetchRequest>> LogFetcher::prepare() {
    FetchRequest request;
    request.log = plan_.log;
    MARS_CO_TRY(std::optional<std::uint64_t> length, FetchedLog::local_length(env_, plan_.directory, plan_.log));
    if (!length) co_return request;
    MARS_CO_TRY(file_, co_await FetchedLog::open(env_, plan_.directory, plan_.log));
    co_return co_await file_->make_request(plan_.verified);
}

env::task<result<LogFetcher::Outcome>> LogFetcher::converse(PeerSession& peer) {
    PeerPlan plan = plan_; // named: g++ 12 destroys temporaries of a co_await twice
    MARS_CO_TRY(std::optional<std::string> refusal, co_await greet(peer, std::move(plan), Purpose::fetch));
    if (refusal) co_return Outcome(make_end(FetchEnd::Kind::refused, *std::move(refusal)));
    is_connected_ = true;
    MARS_CO_TRY_VOID(co_await peer.send(encode_request(request_)));
    std::vector<env::task<result<Outcome>>> tasks;
    tasks.push_back(receive_loop(peer));
    tasks.push_back(write_loop());
    tasks.push_back(watch_progress(peer));
    co_return co_await first_of(std::move(tasks));
}

// --- from the peer into the queue ---

env::task<result<LogFetcher::Outcome>> LogFetcher::receive_loop(PeerSession& peer) {
    for (;;) {
        while (queued_bytes_ >= limits_.queue_bytes) co_await room_.wait();
        MARS_CO_TRY(Frame frame, co_await peer.expect());
        MARS_CO_TRY(Outcome outcome, co_await receive_one(peer, std::move(frame)));
        if (!std::holds_alternative<GoOn>(outcome)) co_return outcome;
        progress_at_ = env_.clock().steady();
    }
}

env::task<result<LogFetcher::Outcome>> LogFetcher::receive_one(PeerSession& peer, Frame frame) {
    switch (frame.type) {
    case static_cast<std::uint16_t>(FetchMessage::begins):
        MARS_CO_TRY_VOID(take_begins(frame));
        co_return Outcome(GoOn());
    case static_cast<std::uint16_t>(FetchMessage::data):
        MARS_CO_TRY_VOID(take_data(std::move(frame)));
        co_return Outcome(GoOn());
    case static_cast<std::uint16_t>(FetchMessage::ends):
        MARS_CO_TRY_VOID(take_ends(frame));
        co_return Outcome(GoOn());
    case static_cast<std::uint16_t>(FetchMessage::conflict): {
        MARS_CO_TRY(auto logs, parse_conflict(frame.payload));
        co_return co_await finish(conflict_end(std::move(logs)));
    }
    case static_cast<std::uint16_t>(FetchMessage::absent): {
        MARS_CO_TRY(auto log, parse_absent(frame.payload));
        co_return co_await finish(absent_end(plan_.peer_host, log));
    }
    case static_cast<std::uint16_t>(FetchMessage::shorter): {
        MARS_CO_TRY(auto theirs, parse_shorter(frame.payload));
        co_return co_await finish(shorter_end(plan_.peer_host, theirs));
    }
    case static_cast<std::uint16_t>(SessionMessage::failed): {
        MARS_CO_TRY(auto text, parse_text(frame.payload));
        co_return failure(std::errc::io_error, plan_.peer_host + " cannot go on: " + text);
    }
    default:
        co_return unexpected(peer, "message " + std::to_string(frame.type));
    }
}

result<void> LogFetcher::take_begins(const Frame& frame) {
    MARS_TRY(LogBegins begins, parse_begins(frame.payload));
    bool is_answer = stage_ == Stage::requested && begins.log == plan_.log && begins.offset <= request_.offset;
    bool follows = stage_ == Stage::between_logs && begins.log.seq == incoming_log_.seq + 1 && begins.offset == 0;
    if (!is_answer && !follows)
        return failure(std::errc::protocol_error,
                       begins.log.text() + " at " + std::to_string(begins.offset) + " was not asked for");
    stage_ = Stage::in_log;
    incoming_log_ = begins.log;
    incoming_offset_ = begins.offset;
    peer_length_ = begins.length;
    Received item;
    item.kind = Received::Kind::begins;
    item.log = begins.log;
    item.offset = begins.offset;
    push(std::move(item));
    return {};
}

result<void> LogFetcher::take_data(Frame frame) {
    MARS_TRY(LogData data, parse_data(frame.payload));
    if (stage_ != Stage::in_log || data.offset != incoming_offset_)
        return failure(std::errc::protocol_error, "expected data at " + std::to_string(incoming_offset_) + " of " +
                                                      incoming_log_.text() + ", found " + std::to_string(data.offset));
    incoming_offset_ += data.bytes.size();
    peer_length_ = data.length;
    Received item;
    item.log = incoming_log_;
    item.skip = frame.payload.size() - data.bytes.size();
    item.payload = std::move(frame.payload);
    push(std::move(item));
    return {};
}

result<void> LogFetcher::take_ends(const Frame& frame) {
    MARS_TRY(LogEnds ends, parse_ends(frame.payload));
    if (stage_ != Stage::in_log || ends.log != incoming_log_ || ends.length != incoming_offset_)
        return failure(std::errc::protocol_error, "the end of " + ends.log.text() + " at " +
                                                      std::to_string(ends.length) + " came at " +
                                                      std::to_string(incoming_offset_) + " of " + incoming_log_.text());
    stage_ = Stage::between_logs;
    Received item;
    item.kind = Received::Kind::ends;
    item.log = ends.log;
    item.offset = ends.length;
    push(std::move(item));
    return {};
}

void LogFetcher::push(Received item) {
    queued_bytes_ += item.payload.size();
    queue_.push_back(std::move(item));
    queued_.notify();
}

// Ends the fetch once everything received before is durable.
env::task<result<LogFetcher::Outcome>> LogFetcher::finish(FetchEnd end) {
    while (!queue_.empty() || is_writing_) co_await room_.wait();
    co_return Outcome(std::move(end));
}

// --- from the queue to the disk ---

env::task<result<LogFetcher::Outcome>> LogFetcher::write_loop() {
    is_writing_ = false;
    for (;;) {
        while (queue_.empty()) co_await queued_.wait();
        is_writing_ = true;
        if (queue_.front().kind == Received::Kind::data) {
            MARS_CO_TRY_VOID(co_await write_batch());
        } else {
            auto item = std::move(queue_.front());
            queue_.pop_front();
            if (item.kind == Received::Kind::ends) {
                MARS_CO_TRY_VOID(end_log(item));
            } else {
                MARS_CO_TRY(Outcome outcome, co_await begin_log(item));
                if (!std::holds_alternative<GoOn>(outcome)) co_return outcome;
            }
        }
        is_writing_ = false;
        room_.notify();
    }
}

env::task<result<LogFetcher::Outcome>> LogFetcher::begin_log(const Received& item) {
    if (!has_first_log_) {
        has_first_log_ = true;
        co_return co_await first_log_begins(item.offset);
    }
    file_.reset();
    MARS_CO_TRY(std::optional<std::uint64_t> length, FetchedLog::local_length(env_, plan_.directory, item.log));
    plan_.log = item.log;
    plan_.verified = 0;
    if (length.value_or(0) > 0) co_return Outcome(AskAgain());
    MARS_CO_TRY(file_, co_await FetchedLog::open(env_, plan_.directory, item.log));
    observer_.log_grew(item.log, file_->durable_length());
    co_return Outcome(GoOn());
}

env::task<result<LogFetcher::Outcome>> LogFetcher::first_log_begins(std::uint64_t offset) {
    if (!file_) {
        MARS_CO_TRY(file_, co_await FetchedLog::open(env_, plan_.directory, plan_.log));
    }
    auto length = file_->length();
    if (offset < length) {
        bool is_torn = offset > request_.checked_from || request_.checked_from <= plan_.verified;
        bool may_cut = is_torn && offset >= plan_.verified && plan_.peer_host == plan_.log.host;
        if (!may_cut)
            co_return Outcome(make_end(FetchEnd::Kind::differs,
                                       "the local copy of " + plan_.log.text() + " differs from the one on " +
                                           plan_.peer_host + " at " + std::to_string(offset) +
                                           " or before; it is left alone",
                                       {plan_.log}, offset));
        MARS_CO_TRY_VOID(co_await file_->cut(offset));
    }
    observer_.log_grew(plan_.log, file_->durable_length());
    co_return Outcome(GoOn());
}

env::task<result<void>> LogFetcher::write_batch() {
    std::uint64_t appended = 0;
    while (!queue_.empty() && queue_.front().kind == Received::Kind::data &&
           appended + queue_.front().payload.size() <= kFetchBatchBytes) {
        auto item = std::move(queue_.front());
        queue_.pop_front();
        auto data = std::span<const std::byte>(item.payload).subspan(item.skip);
        MARS_CO_TRY_VOID(co_await file_->append(data));
        appended += data.size();
        queued_bytes_ -= item.payload.size();
        room_.notify();
    }
    MARS_CO_TRY_VOID(co_await file_->sync());
    MARS_CO_TRY_VOID(file_->check_place());
    progress_at_ = env_.clock().steady();
    if (rate_) rate_->limit(limiter_kib(appended), progress_at_);
    observer_.log_grew(plan_.log, file_->durable_length());
    co_return result<void>();
}

result<void> LogFetcher::end_log(const Received& item) {
    if (file_->durable_length() != item.offset)
        return failure(std::errc::protocol_error, item.log.text() + " ends at " + std::to_string(item.offset) +
                                                      ", but has " + std::to_string(file_->durable_length()) +
                                                      " bytes here");
    observer_.log_complete(item.log, item.offset);
    return {};
}

// A peer that lives but sends nothing although it has more, or a disk that hangs.
env::task<result<LogFetcher::Outcome>> LogFetcher::watch_progress(PeerSession& peer) {
    for (std::uint64_t seen = 0;;) {
        co_await env_.clock().sleep(limits_.no_progress / 8);
        // Part of a message on a slow line is progress, signs of life are not.
        if (peer.bytes_received() - seen >= kProgressBytes) progress_at_ = env_.clock().steady();
        seen = peer.bytes_received();
        if (file_ && !is_writing_) MARS_CO_TRY_VOID(file_->check_place());
        bool has_work = !queue_.empty() || is_writing_ || stage_ == Stage::requested || incoming_offset_ < peer_length_;
        auto idle = env_.clock().steady() - progress_at_;
        if (has_work && idle >= limits_.no_progress)
            co_return failure(std::errc::timed_out,
                              "no progress with " + plan_.log.text() + " from " + plan_.peer_host + " for " +
                                  std::to_string(std::chrono::duration_cast<std::chrono::seconds>(idle).count()) +
                                  " s");
    }
}

} // namespace mars::block
