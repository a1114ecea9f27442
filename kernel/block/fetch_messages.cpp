// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/fetch_messages.hpp"

#include "kernel/base/names.hpp"

namespace mars::block {

namespace {

using format::check;
using format::field;
using format::layout;
using format::List;
using format::LogName;
using format::Reader;
using format::Text;

constexpr std::size_t kMaxConflicts = 1000;
constexpr std::size_t kDataFields = 16;

constexpr auto kLog = layout<LogName>(field(&LogName::seq), field(&LogName::host, Text{kMaxNameLength}),
                                      check<LogName>([](Reader& reader, auto& log) {
                                          if (log.seq < 1 || log.seq > format::kMaxLogNumber)
                                              reader.fail("the number of a log, 1 or more", std::to_string(log.seq));
                                          if (!is_identifier(log.host)) reader.fail("a legal host name", "another");
                                      }));

constexpr auto kRequest = layout<FetchRequest>(
    field(&FetchRequest::log, kLog), field(&FetchRequest::offset), field(&FetchRequest::checked_from),
    field(&FetchRequest::tail, List{format::Value<PieceDigest>{}, kMaxTailPieces}),
    check<FetchRequest>([](Reader& reader, auto& request) {
        if (request.checked_from > request.offset ||
            request.tail.size() != tail_pieces(request.checked_from, request.offset))
            reader.fail("one digest per piece before the offset", std::to_string(request.tail.size()));
    }));

constexpr auto kBegins =
    layout<LogBegins>(field(&LogBegins::log, kLog), field(&LogBegins::offset), field(&LogBegins::length),
                      check<LogBegins>([](Reader& reader, auto& begins) {
                          if (begins.offset > begins.length)
                              reader.fail("an offset inside the log", std::to_string(begins.offset));
                      }));

constexpr auto kLogAndLength = layout<LogEnds>(field(&LogEnds::log, kLog), field(&LogEnds::length));

// The bytes of the log follow.
constexpr auto kData = layout<LogData>(field(&LogData::offset), field(&LogData::length));
static_assert(kData.least() == kDataFields);

struct Conflict {
    std::vector<LogName> logs;
};
constexpr auto kConflict = layout<Conflict>(field(&Conflict::logs, List{kLog, kMaxConflicts}));

} // namespace

OutFrame encode_request(const FetchRequest& request) {
    return encode_fields(FetchMessage::request, kRequest, request, 128 + request.tail.size() * sizeof(PieceDigest));
}
result<FetchRequest> parse_request(std::span<const std::byte> payload) {
    return kRequest.parse("fetch request", payload);
}

OutFrame encode_begins(const LogBegins& begins) {
    return encode_fields(FetchMessage::begins, kBegins, begins, 96);
}
result<LogBegins> parse_begins(std::span<const std::byte> payload) {
    return kBegins.parse("log begins", payload);
}

OutFrame make_data_frame(std::uint64_t offset, std::uint64_t length, std::size_t count) {
    auto writer = begin_frame(kDataFields + count);
    kData.put(writer, LogData{offset, length, {}});
    auto frame = writer.take();
    frame.resize(frame.size() + count);
    return frame;
}

std::span<std::byte> data_of(OutFrame& frame) {
    return std::span(frame).subspan(format::kFrameHeaderBytes + kDataFields);
}

OutFrame seal_data(OutFrame frame) {
    return seal_frame(static_cast<std::uint16_t>(FetchMessage::data), std::move(frame));
}

result<LogData> parse_data(std::span<const std::byte> payload) {
    Reader reader(payload);
    LogData data;
    kData.get(reader, data);
    auto count = reader.rest();
    if (reader.ok() && (count == 0 || count > kMaxFetchData))
        reader.fail("1 to " + std::to_string(kMaxFetchData) + " bytes of data", std::to_string(count));
    data.bytes = reader.raw(count);
    if (reader.ok() && (data.offset > data.length || data.length - data.offset < count))
        reader.fail("data below the durable length", "data beyond it");
    MARS_TRY_VOID(reader.finish("log data"));
    return data;
}

OutFrame encode_ends(const LogEnds& ends) {
    return encode_fields(FetchMessage::ends, kLogAndLength, ends, 96);
}
result<LogEnds> parse_ends(std::span<const std::byte> payload) {
    return kLogAndLength.parse("log ends", payload);
}
OutFrame encode_shorter(const LogEnds& mine) {
    return encode_fields(FetchMessage::shorter, kLogAndLength, mine, 96);
}
result<LogEnds> parse_shorter(std::span<const std::byte> payload) {
    return kLogAndLength.parse("shorter log", payload);
}

OutFrame encode_conflict(const std::vector<LogName>& logs) {
    Conflict conflict{logs};
    if (conflict.logs.size() > kMaxConflicts) conflict.logs.resize(kMaxConflicts);
    return encode_fields(FetchMessage::conflict, kConflict, conflict, 16 + logs.size() * 80);
}
result<std::vector<LogName>> parse_conflict(std::span<const std::byte> payload) {
    MARS_TRY(auto conflict, kConflict.parse("conflict", payload));
    return std::move(conflict.logs);
}

OutFrame encode_absent(const LogName& log) {
    return encode_fields(FetchMessage::absent, kLog, log, 80);
}
result<LogName> parse_absent(std::span<const std::byte> payload) {
    return kLog.parse("absent log", payload);
}

} // namespace mars::block
