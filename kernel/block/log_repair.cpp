// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/log_repair.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "kernel/block/fetch_messages.hpp"
#include "kernel/block/log_fetch_file.hpp"
#include "kernel/block/log_reader.hpp"

namespace mars::block {

namespace {

constexpr Duration kConnect = std::chrono::seconds(10);
constexpr std::size_t kMostBuffered = std::size_t{64} << 20; // no record is that long

class LogRepairer {
  public:
    LogRepairer(env::Env& env, RepairPlan plan, SessionLimits limits)
        : env_(env), plan_(std::move(plan)), limits_(limits), path_(plan_.directory + "/" + plan_.log.text()),
          position_(plan_.from), received_(plan_.from), damage_at_(plan_.from) {}

    env::task<result<RepairEnd>> run();

  private:
    env::task<result<FetchRequest>> make_request();
    env::task<result<RepairEnd>> converse(PeerSession& peer);
    env::task<result<bool>> take(const Frame& frame);
    env::task<result<void>> take_records();
    env::task<result<void>> mend(std::uint64_t start, std::span<const std::byte> record);
    env::task<result<bool>> look_for_more_damage();
    RepairEnd end(bool is_whole, std::string text = "");

    env::Env& env_;
    RepairPlan plan_;
    SessionLimits limits_;
    std::string path_;
    std::unique_ptr<env::File> file_;
    std::uint64_t length_ = 0;      // here; it stays so
    std::uint64_t peer_length_ = 0; // there, when it began to send
    std::uint64_t position_;        // the peer's records before it have been compared
    std::uint64_t received_;        // buffer_ holds [position_, received_)
    std::uint64_t damage_at_;       // the first damage that is known of here
    std::uint64_t replaced_ = 0;
    std::uint32_t seq_ = 0; // number of the record before position_; 0: not known
    bool is_dirty_ = false;
    bool has_begun_ = false;
    std::vector<std::byte> buffer_;
    std::string lack_; // why the peer cannot help any further
};

env::task<result<RepairEnd>> LogRepairer::run() {
    env::OpenMode mode;
    mode.write = true;
    MARS_CO_TRY(file_, co_await env_.storage().open(path_, mode));
    MARS_CO_TRY(length_, file_->size());
    if (length_ < plan_.from)
        co_return failure(std::errc::bad_file_descriptor, path_ + ": expected at least " + std::to_string(plan_.from) +
                                                              " bytes, found " + std::to_string(length_));
    MARS_CO_TRY(std::unique_ptr<env::Stream> stream, co_await env_.net().connect(plan_.peer, kConnect));
    PeerSession peer(env_, std::move(stream), limits_);
    co_return co_await peer.run(converse(peer));
}

// What is good here must be the beginning of the peer's copy: records of another history would fit in as well.
env::task<result<FetchRequest>> LogRepairer::make_request() {
    FetchRequest request;
    request.log = plan_.log;
    request.offset = request.checked_from = plan_.from;
    const auto window = std::min(plan_.from, kFetchBatchBytes);
    std::vector<std::byte> piece(kTailPieceBytes);
    for (auto at = plan_.from - window; at < plan_.from; at += kTailPieceBytes) {
        const auto part = std::span(piece).first(static_cast<std::size_t>(std::min(kTailPieceBytes, plan_.from - at)));
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
    Hello hello;
    hello.host = env_.hostname();
    hello.uuid = plan_.uuid;
    hello.purpose = Purpose::fetch;
    hello.resource = plan_.resource;
    MARS_CO_TRY(std::optional<std::string> refusal, co_await greet(peer, std::move(hello), plan_.peer_host));
    if (refusal) co_return end(false, "it refuses: " + *refusal);
    MARS_CO_TRY(auto request, co_await make_request());
    MARS_CO_TRY_VOID(co_await peer.send(encode_request(request)));
    for (;;) {
        MARS_CO_TRY(Frame frame, co_await peer.expect());
        MARS_CO_TRY(const bool has_more, co_await take(frame));
        MARS_CO_TRY_VOID(co_await take_records());
        const bool is_over = !has_more || !lack_.empty() || received_ >= std::min(peer_length_, length_);
        if (!is_over && position_ <= damage_at_) continue;
        MARS_CO_TRY(const bool is_whole, co_await look_for_more_damage());
        if (is_whole) co_return end(true);
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
        MARS_CO_TRY(lack_, parse_text(frame.payload));
        co_return false;
    }
    if (frame.is(FetchMessage::begins) && !has_begun_) {
        MARS_CO_TRY(const auto begins, parse_begins(frame.payload));
        if (begins.log != plan_.log || begins.offset > plan_.from)
            co_return failure(std::errc::protocol_error, "it sends " + begins.log.text() + " from byte " +
                                                             std::to_string(begins.offset) +
                                                             ", which was not asked for");
        has_begun_ = true;
        peer_length_ = begins.length;
        if (begins.offset < plan_.from) lack_ = "its copy differs already below byte " + std::to_string(plan_.from);
        co_return lack_.empty();
    }
    if (frame.is(FetchMessage::data) && has_begun_) {
        MARS_CO_TRY(const auto data, parse_data(frame.payload));
        if (data.offset != received_)
            co_return failure(std::errc::protocol_error, "expected data at " + std::to_string(received_) + ", found " +
                                                             std::to_string(data.offset));
        buffer_.insert(buffer_.end(), data.bytes.begin(), data.bytes.end());
        received_ += data.bytes.size();
        peer_length_ = std::max(peer_length_, received_);
        co_return true;
    }
    co_return false; // the log is over: `ends`, or `conflict` about its successor
}

// All whole records in the buffer.
env::task<result<void>> LogRepairer::take_records() {
    std::size_t used = 0;
    while (lack_.empty() && used < buffer_.size()) {
        const auto rest = std::span<const std::byte>(buffer_).subspan(used);
        const auto step = format::scan_record(rest, position_, seq_, {});
        const bool may_be_cut = step.kind == format::ScanKind::end_of_file || step.kind == format::ScanKind::incomplete;
        if (may_be_cut && rest.size() < kMostBuffered) break;
        if (step.kind != format::ScanKind::record) {
            lack_ = "its copy is damaged, too: " + step.text();
            break;
        }
        const auto size = static_cast<std::size_t>(step.record->end - step.record->start);
        if (position_ + size > length_) break; // not here at all
        MARS_CO_TRY_VOID(co_await mend(position_, rest.first(size)));
        seq_ = step.record->seq;
        position_ += size;
        used += size;
    }
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used));
    if (std::exchange(is_dirty_, false)) MARS_CO_TRY_VOID(co_await file_->sync_data());
    co_return result<void>();
}

env::task<result<void>> LogRepairer::mend(std::uint64_t start, std::span<const std::byte> record) {
    std::vector<std::byte> mine(record.size());
    const auto got = co_await file_->read(start, mine); // a bad sector heals when it is written
    if (got && *got == mine.size() && std::equal(record.begin(), record.end(), mine.begin())) co_return result<void>();
    MARS_CO_TRY_VOID(co_await file_->write(start, record));
    replaced_ += record.size();
    is_dirty_ = true;
    co_return result<void>();
}

// True when nothing is damaged any more: a torn end is not for this repair.
env::task<result<bool>> LogRepairer::look_for_more_damage() {
    MARS_CO_TRY(const auto found, co_await scan_to_end(env_, path_, plan_.from));
    if (found.tail != LogTail::defect && found.tail != LogTail::unreadable) co_return true;
    damage_at_ = found.position;
    co_return false;
}

} // namespace

env::task<result<RepairEnd>> repair_log(env::Env& env, RepairPlan plan, SessionLimits limits) {
    LogRepairer repairer(env, std::move(plan), limits);
    co_return co_await repairer.run();
}

} // namespace mars::block
