// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/log_fetch_server.hpp"

#include <algorithm>

#include "kernel/env/deadline.hpp"

namespace mars::block {

namespace {

// One session's stream of logs.
class LogStreamer {
  public:
    LogStreamer(PeerSession& peer, LogSource& source, Limiter* traffic, FetchRequest request)
        : peer_(peer), source_(source), traffic_(traffic), request_(std::move(request)), log_(request_.log) {}

    env::task<result<void>> run();
    // The last message of the session; the client hangs up when it has it.
    env::task<result<void>> send_last(OutFrame last);

  private:
    std::optional<LogState> state() const;
    std::vector<format::LogName> successors() const;
    env::task<result<std::uint64_t>> matching_offset();
    env::task<result<bool>> begin();
    env::task<result<bool>> send_up_to_end();
    env::task<result<void>> send_piece(std::uint64_t length);

    PeerSession& peer_;
    LogSource& source_;
    Limiter* traffic_;
    FetchRequest request_;
    format::LogName log_; // the current one
    std::uint64_t offset_ = 0;
    std::unique_ptr<env::File> file_;
};

std::optional<LogState> LogStreamer::state() const {
    for (auto& log : source_.logs())
        if (log.name == log_) return log;
    return std::nullopt;
}

std::vector<format::LogName> LogStreamer::successors() const {
    std::vector<format::LogName> found;
    for (auto& log : source_.logs())
        if (log.name.seq == log_.seq + 1) found.push_back(log.name);
    std::sort(found.begin(), found.end());
    return found;
}

env::task<result<void>> read_all(env::File& file, std::uint64_t offset, std::span<std::byte> into,
                                 const format::LogName& name) {
    MARS_CO_TRY(std::size_t got, co_await file.read(offset, into));
    if (got < into.size())
        co_return failure(std::errc::io_error, name.text() + ": expected " + std::to_string(into.size()) +
                                                   " durable bytes at " + std::to_string(offset) + ", found " +
                                                   std::to_string(got));
    co_return result<void>();
}

// Where the client's copy stops to be ours: its length, or the begin of the first piece that differs.
env::task<result<std::uint64_t>> LogStreamer::matching_offset() {
    auto from = request_.checked_from;
    std::vector<std::byte> piece(kTailPieceBytes);
    for (const auto& digest : request_.tail) {
        auto count = static_cast<std::size_t>(std::min(kTailPieceBytes, request_.offset - from));
        auto part = std::span(piece).first(count);
        MARS_CO_TRY_VOID(co_await read_all(*file_, from, part, log_));
        if (xxh3_128(part) != digest) co_return from;
        from += count;
    }
    co_return request_.offset;
}

// Opens the current log and announces it. False when the stream has ended instead.
env::task<result<bool>> LogStreamer::begin() {
    auto found = state();
    if (!found) {
        MARS_CO_TRY_VOID(co_await send_last(encode_absent(log_)));
        co_return false;
    }
    if (found->durable_length < request_.offset) {
        LogEnds mine{log_, found->durable_length};
        MARS_CO_TRY_VOID(co_await send_last(encode_shorter(mine)));
        co_return false;
    }
    MARS_CO_TRY(file_, co_await source_.open(log_));
    MARS_CO_TRY(offset_, co_await matching_offset());
    LogBegins begins{log_, offset_, found->durable_length};
    MARS_CO_TRY_VOID(co_await peer_.send(encode_begins(begins)));
    co_return true;
}

// Sends [offset_, …) of the current log, at most one message of it; `length` is durable.
env::task<result<void>> LogStreamer::send_piece(std::uint64_t length) {
    auto count = static_cast<std::size_t>(std::min<std::uint64_t>(length - offset_, kMaxFetchData));
    auto frame = make_data_frame(offset_, length, count);
    MARS_CO_TRY_VOID(co_await read_all(*file_, offset_, data_of(frame), log_));
    MARS_CO_TRY_VOID(co_await peer_.send(seal_data(std::move(frame))));
    offset_ += count;
    if (traffic_) co_await traffic_->limit_and_sleep(peer_.env(), limiter_kib(count));
    co_return result<void>();
}

// Sends the current log to its end, however long that takes. True when its successor is to follow, false when the
// stream has ended.
env::task<result<bool>> LogStreamer::send_up_to_end() {
    for (;;) {
        auto found = state();
        if (!found) {
            MARS_CO_TRY_VOID(co_await send_last(encode_absent(log_)));
            co_return false;
        }
        if (offset_ < found->durable_length) {
            MARS_CO_TRY_VOID(co_await send_piece(found->durable_length));
            continue;
        }
        auto next = successors();
        if (next.size() > 1) {
            MARS_CO_TRY_VOID(co_await send_last(encode_conflict(next)));
            co_return false;
        }
        if (found->complete && next.size() == 1) {
            LogEnds ends{log_, offset_};
            MARS_CO_TRY_VOID(co_await peer_.send(encode_ends(ends)));
            log_ = next.front();
            co_return true;
        }
        co_await source_.changed().wait();
    }
}

env::task<result<void>> LogStreamer::send_last(OutFrame last) {
    MARS_CO_TRY_VOID(co_await peer_.send(std::move(last)));
    MARS_CO_TRY_VOID(co_await peer_.drain());
    co_await peer_.env().clock().sleep(peer_.limits().farewell); // its hanging up ends the session before
    co_return result<void>();
}

env::task<result<void>> LogStreamer::run() {
    for (;;) {
        MARS_CO_TRY(bool has_begun, co_await begin());
        if (!has_begun) co_return result<void>();
        MARS_CO_TRY(bool goes_on, co_await send_up_to_end());
        if (!goes_on) co_return result<void>();
        request_ = FetchRequest(); // the following logs are sent from their begin
    }
}

// The client has nothing more to say: its end, or anything else, ends the session.
env::task<result<void>> until_client_ends(PeerSession& peer) {
    MARS_CO_TRY(std::optional<Frame> frame, co_await peer.receive());
    if (!frame) co_return result<void>();
    co_return failure(std::errc::protocol_error, "unexpected message " + std::to_string(frame->type));
}

// Streams; a failure of ours (the log cannot be read) is told to the client, and kept in `broken`.
env::task<result<void>> stream_logs(LogStreamer& streamer, std::optional<failure>& broken) {
    auto ended = co_await streamer.run();
    if (ended) co_return ended;
    broken = ended.error();
    co_return co_await streamer.send_last(encode_text(SessionMessage::failed, broken->text));
}

} // namespace

FetchServer::FetchServer(env::Env& env, const PeerGate& gate, FindSource find, Limiter* traffic,
                         PeerServer::Limits limits)
    : SourceServer(env, gate, Purpose::fetch, std::move(find), limits), traffic_(traffic) {}

env::task<result<void>> FetchServer::serve(PeerSession& peer, const Hello& hello) {
    MARS_CO_TRY(Frame first,
                co_await expect_request(peer, Purpose::fetch, static_cast<std::uint16_t>(FetchMessage::request)));
    MARS_CO_TRY(FetchRequest request, parse_request(first.payload));
    auto source = find(hello.resource);
    if (!source) co_return co_await say_inactive(peer, hello.resource);
    LogStreamer streamer(peer, *source, traffic_, std::move(request));
    std::optional<failure> broken;
    std::vector<env::task<result<void>>> tasks;
    tasks.push_back(stream_logs(streamer, broken));
    tasks.push_back(until_client_ends(peer));
    auto ended = co_await first_of(std::move(tasks));
    if (broken) co_return *std::move(broken);
    co_return ended;
}

} // namespace mars::block
