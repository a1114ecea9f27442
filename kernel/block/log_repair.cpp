// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/log_repair.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "kernel/block/aligned_buffer.hpp"
#include "kernel/block/fetch_messages.hpp"
#include "kernel/block/log_fetch_file.hpp"
#include "kernel/block/log_reader.hpp"

namespace mars::block {

namespace {

constexpr Duration kConnect = std::chrono::seconds(10);
constexpr std::size_t kLongestRecord = std::size_t{128} << 10;
constexpr std::size_t kMostBuffered = std::size_t{64} << 20; // no record is that long

class LogRepairer {
  public:
    LogRepairer(env::Env& env, RepairPlan plan, SessionLimits limits)
        : env_(env), plan_(std::move(plan)), limits_(limits), path_(plan_.directory + "/" + plan_.log.text()),
          begin_(block_floor(plan_.from)), position_(plan_.from), received_(begin_), scanned_(plan_.from) {}

    env::task<result<RepairEnd>> run();

  private:
    env::task<result<FetchRequest>> make_request();
    env::task<result<RepairEnd>> converse(PeerSession& peer);
    env::task<result<bool>> take(const Frame& frame);
    env::task<result<void>> compare_border();
    env::task<result<void>> take_records();
    env::task<result<void>> compare(std::span<const std::byte> record);
    env::task<result<void>> write_blocks(bool is_last);
    env::task<result<bool>> is_whole();
    RepairEnd end(bool is_whole, std::string text = "");
    std::uint64_t kept_end() const { return begin_ + kept_.size(); }

    env::Env& env_;
    RepairPlan plan_;
    SessionLimits limits_;
    std::string path_;
    std::unique_ptr<env::File> file_;
    std::uint64_t peer_length_ = 0; // when it began to send, or more
    std::uint64_t begin_;           // kept_ holds the peer's bytes from here on; whole blocks are written
    std::uint64_t position_;        // its records before it have been verified and compared
    std::uint64_t received_;
    std::uint64_t scanned_;       // everything here is good up to this
    std::uint64_t damage_at_ = 0; // the first damage here
    std::uint64_t replaced_ = 0;
    std::uint32_t seq_ = 0; // number of the record before position_; 0: not known
    std::vector<std::byte> kept_;
    std::uint64_t dirty_begin_ = 0, dirty_end_ = 0; // what differs here and is not written yet; empty: nothing
    bool has_begun_ = false;
    bool is_border_compared_ = false;
    std::string lack_; // why the peer cannot help any further
};

env::task<result<RepairEnd>> LogRepairer::run() {
    env::OpenMode mode;
    mode.write = true;
    MARS_CO_TRY(file_, co_await env_.storage().open(path_, mode));
    MARS_CO_TRY(const auto length, file_->size());
    if (length < plan_.from)
        co_return failure(std::errc::bad_file_descriptor, path_ + ": expected at least " + std::to_string(plan_.from) +
                                                              " bytes, found " + std::to_string(length));
    MARS_CO_TRY(const bool is_good, co_await is_whole());
    if (is_good) co_return end(true);
    MARS_CO_TRY(std::unique_ptr<env::Stream> stream, co_await env_.net().connect(plan_.peer, kConnect));
    PeerSession peer(env_, std::move(stream), limits_);
    co_return co_await peer.run(converse(peer));
}

// What is good here must be the beginning of the peer's copy: records of another history would fit in as well. The peer
// sends from a block's border on, because only whole blocks can be written over a sector that cannot be read.
env::task<result<FetchRequest>> LogRepairer::make_request() {
    FetchRequest request;
    request.log = plan_.log;
    request.offset = request.checked_from = begin_;
    const auto window = std::min(begin_, kFetchBatchBytes);
    std::vector<std::byte> piece(kTailPieceBytes);
    for (auto at = begin_ - window; at < begin_; at += kTailPieceBytes) {
        const auto part = std::span(piece).first(static_cast<std::size_t>(std::min(kTailPieceBytes, begin_ - at)));
        const auto got = co_await file_->read(at, part);
        if (!got || *got < part.size()) { // this piece cannot be read either: compare what is behind it
            request.tail.clear();
            request.checked_from = at + part.size();
            continue;
        }
        if (request.tail.empty()) request.checked_from = at;
        request.tail.push_back(xxh3_128(part));
    }
    co_return std::move(request);
}

RepairEnd LogRepairer::end(bool is_whole, std::string text) {
    RepairEnd ended;
    ended.is_whole = is_whole;
    ended.replaced = replaced_;
    ended.text = std::move(text);
    return ended;
}

env::task<result<RepairEnd>> LogRepairer::converse(PeerSession& peer) {
    PeerPlan plan = plan_; // named: g++ 12 destroys temporaries of a co_await twice
    MARS_CO_TRY(std::optional<std::string> refusal, co_await greet(peer, std::move(plan), Purpose::fetch));
    if (refusal) co_return failure(std::errc::permission_denied, "it refuses: " + *refusal);
    MARS_CO_TRY(auto request, co_await make_request());
    MARS_CO_TRY_VOID(co_await peer.send(encode_request(request)));
    for (;;) {
        MARS_CO_TRY(Frame frame, co_await peer.expect());
        MARS_CO_TRY(const bool has_more, co_await take(frame));
        MARS_CO_TRY_VOID(co_await take_records());
        const bool is_over = !has_more || !lack_.empty() || received_ >= peer_length_;
        MARS_CO_TRY_VOID(co_await write_blocks(is_over));
        const bool is_written = dirty_begin_ == dirty_end_;
        if (!is_over && !(is_written && position_ > damage_at_)) continue;
        MARS_CO_TRY(const bool is_good, co_await is_whole());
        if (is_good) co_return end(true);
        if (!is_over) continue;
        co_return end(false, lack_.empty() ? "its copy ends at byte " + std::to_string(peer_length_) : lack_);
    }
}

// One message of the peer. False: there is nothing more to come.
env::task<result<bool>> LogRepairer::take(const Frame& frame) {
    if (frame.is(FetchMessage::absent)) {
        lack_ = "it does not have the log";
        co_return false;
    }
    if (frame.is(FetchMessage::shorter)) {
        MARS_CO_TRY(const auto theirs, parse_shorter(frame.payload));
        lack_ = "its copy ends at byte " + std::to_string(theirs.length) + ", before the damage";
        co_return false;
    }
    if (frame.is(SessionMessage::failed)) {
        MARS_CO_TRY(const auto text, parse_text(frame.payload));
        co_return failure(std::errc::io_error, "it cannot go on: " + text);
    }
    if (frame.is(FetchMessage::begins) && !has_begun_) {
        MARS_CO_TRY(const auto begins, parse_begins(frame.payload));
        if (begins.log != plan_.log || begins.offset > begin_)
            co_return failure(std::errc::protocol_error, "it sends " + begins.log.text() + " from byte " +
                                                             std::to_string(begins.offset) +
                                                             ", which was not asked for");
        has_begun_ = true;
        peer_length_ = begins.length;
        if (begins.offset < begin_) lack_ = "its copy differs already below byte " + std::to_string(plan_.from);
        co_return lack_.empty();
    }
    if (frame.is(FetchMessage::data) && has_begun_) {
        MARS_CO_TRY(const auto data, parse_data(frame.payload));
        if (data.offset != received_)
            co_return failure(std::errc::protocol_error, "expected data at " + std::to_string(received_) + ", found " +
                                                             std::to_string(data.offset));
        kept_.insert(kept_.end(), data.bytes.begin(), data.bytes.end());
        received_ += data.bytes.size();
        peer_length_ = std::max(peer_length_, received_);
        co_return true;
    }
    co_return false; // the log is over: `ends`, or `conflict` about its successor
}

// The bytes between the block's border and `from`, when they can be read here, are as right as all before.
env::task<result<void>> LogRepairer::compare_border() {
    const auto size = static_cast<std::size_t>(plan_.from - begin_);
    if (is_border_compared_ || kept_.size() < size) co_return result<void>();
    is_border_compared_ = true;
    std::vector<std::byte> mine(size);
    const auto got = co_await file_->read(begin_, mine);
    if (got && *got == size && !std::equal(mine.begin(), mine.end(), kept_.begin()))
        lack_ = "its copy differs already below byte " + std::to_string(plan_.from);
    co_return result<void>();
}

// All whole records among the bytes that are kept.
env::task<result<void>> LogRepairer::take_records() {
    MARS_CO_TRY_VOID(co_await compare_border());
    while (lack_.empty() && position_ < kept_end()) {
        const auto rest = std::span<const std::byte>(kept_).subspan(static_cast<std::size_t>(position_ - begin_));
        const auto step = format::scan_record(rest, position_, seq_, {});
        const bool may_be_cut = step.kind == format::ScanKind::end_of_file || step.kind == format::ScanKind::incomplete;
        if (may_be_cut && rest.size() < kMostBuffered) co_return result<void>();
        if (step.kind != format::ScanKind::record) {
            lack_ = "its copy is damaged, too: " + step.text();
            co_return result<void>();
        }
        MARS_CO_TRY_VOID(co_await compare(rest.first(static_cast<std::size_t>(step.record->end - position_))));
        if (!lack_.empty()) co_return result<void>();
        seq_ = step.record->seq;
        position_ = step.record->end;
    }
    co_return result<void>();
}

// A record of the peer at position_: it replaces what is no good record here.
env::task<result<void>> LogRepairer::compare(std::span<const std::byte> record) {
    std::vector<std::byte> mine(record.size());
    const auto got = co_await file_->read(position_, mine);
    if (got && *got == mine.size()) {
        if (std::equal(record.begin(), record.end(), mine.begin())) co_return result<void>();
        mine.resize(std::max(mine.size(), kLongestRecord)); // it may be longer than the peer's
        const auto whole = co_await file_->read(position_, mine);
        if (whole) mine.resize(*whole);
        if (whole && format::scan_record(mine, position_, 0, {}).kind == format::ScanKind::record) {
            lack_ = "its copy differs at byte " + std::to_string(position_) + ", although both are good records there";
            co_return result<void>();
        }
    }
    if (dirty_begin_ == dirty_end_) dirty_begin_ = position_;
    dirty_end_ = position_ + record.size();
    replaced_ += record.size();
    co_return result<void>();
}

// A sector that cannot be read heals when it is written, but the kernel has to read what is written only in part.
env::task<result<void>> LogRepairer::write_blocks(bool is_last) {
    const auto whole = block_floor(position_);
    if (dirty_begin_ < dirty_end_) {
        const auto write = [&](std::uint64_t from, std::uint64_t to) {
            return file_->write(from, std::span<const std::byte>(kept_).subspan(static_cast<std::size_t>(from - begin_),
                                                                                static_cast<std::size_t>(to - from)));
        };
        const auto from = std::max(block_floor(dirty_begin_), begin_);
        const auto to = std::min(block_ceil(dirty_end_), whole);
        if (from < to) MARS_CO_TRY_VOID(co_await write(from, to));
        if (is_last && to < dirty_end_) {
            const auto rest = std::max(to, dirty_begin_);
            MARS_CO_TRY_VOID(co_await write(rest, dirty_end_));
        }
        MARS_CO_TRY_VOID(co_await file_->sync_data());
        dirty_begin_ = std::max(dirty_begin_, to);
        if (is_last || dirty_begin_ >= dirty_end_) dirty_begin_ = dirty_end_ = 0;
    }
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(whole - std::min(begin_, whole)));
    begin_ = std::max(begin_, whole);
    co_return result<void>();
}

// Looks for the first damage behind what was found to be good before.
env::task<result<bool>> LogRepairer::is_whole() {
    MARS_CO_TRY(const auto found, co_await scan_to_end(env_, path_, scanned_));
    scanned_ = damage_at_ = found.position;
    co_return found.tail == LogTail::clean;
}

} // namespace

env::task<result<RepairEnd>> repair_log(env::Env& env, RepairPlan plan, SessionLimits limits) {
    LogRepairer repairer(env, std::move(plan), limits);
    co_return co_await repairer.run();
}

} // namespace mars::block
