// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/fetch_messages.hpp"

#include <algorithm>

#include "kernel/base/names.hpp"

namespace mars::block {

namespace {

constexpr std::size_t kMaxConflicts = 1000;
constexpr std::size_t kDataFields = 16;

void put_log(format::Writer& writer, const format::LogName& log) {
    writer.i64(log.seq).string(log.host);
}

format::LogName get_log(format::Reader& reader) {
    format::LogName log;
    log.seq = reader.i64();
    log.host = reader.string(kMaxNameLength);
    if (reader.ok() && (log.seq < 1 || log.seq > format::kMaxLogNumber))
        reader.fail("the number of a log, 1 or more", std::to_string(log.seq));
    if (reader.ok() && !is_identifier(log.host)) reader.fail("a legal host name", "another");
    return log;
}

template<class Enum>
OutFrame encode_log_and_length(Enum type, const LogEnds& ends) {
    auto writer = begin_frame(96);
    put_log(writer, ends.log);
    writer.u64(ends.length);
    return seal_frame(type, writer);
}

result<LogEnds> parse_log_and_length(std::span<const std::byte> payload, std::string_view what) {
    format::Reader reader(payload);
    LogEnds ends;
    ends.log = get_log(reader);
    ends.length = reader.u64();
    MARS_TRY_VOID(reader.finish(what));
    return ends;
}

} // namespace

OutFrame encode_request(const FetchRequest& request) {
    auto writer = begin_frame(128 + request.tail.size() * sizeof(PieceDigest));
    put_log(writer, request.log);
    writer.u64(request.offset).u64(request.checked_from).u32(static_cast<std::uint32_t>(request.tail.size()));
    for (const auto& digest : request.tail) writer.raw(digest);
    return seal_frame(FetchMessage::request, writer);
}

result<FetchRequest> parse_request(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    FetchRequest request;
    request.log = get_log(reader);
    request.offset = reader.u64();
    request.checked_from = reader.u64();
    auto count = reader.count(kMaxTailPieces, sizeof(PieceDigest));
    if (reader.ok() &&
        (request.checked_from > request.offset || count != tail_pieces(request.checked_from, request.offset)))
        reader.fail("one digest per piece before the offset", std::to_string(count));
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
        auto bytes = reader.raw(sizeof(PieceDigest));
        if (reader.ok()) std::copy(bytes.begin(), bytes.end(), request.tail.emplace_back().begin());
    }
    MARS_TRY_VOID(reader.finish("fetch request"));
    return request;
}

OutFrame encode_begins(const LogBegins& begins) {
    auto writer = begin_frame(96);
    put_log(writer, begins.log);
    writer.u64(begins.offset).u64(begins.length);
    return seal_frame(FetchMessage::begins, writer);
}

result<LogBegins> parse_begins(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    LogBegins begins;
    begins.log = get_log(reader);
    begins.offset = reader.u64();
    begins.length = reader.u64();
    if (begins.offset > begins.length) reader.fail("an offset inside the log", std::to_string(begins.offset));
    MARS_TRY_VOID(reader.finish("log begins"));
    return begins;
}

OutFrame make_data_frame(std::uint64_t offset, std::uint64_t length, std::size_t count) {
    auto writer = begin_frame(kDataFields + count);
    writer.u64(offset).u64(length);
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
    format::Reader reader(payload);
    LogData data;
    data.offset = reader.u64();
    data.length = reader.u64();
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
    return encode_log_and_length(FetchMessage::ends, ends);
}
result<LogEnds> parse_ends(std::span<const std::byte> payload) {
    return parse_log_and_length(payload, "log ends");
}
OutFrame encode_shorter(const LogEnds& mine) {
    return encode_log_and_length(FetchMessage::shorter, mine);
}
result<LogEnds> parse_shorter(std::span<const std::byte> payload) {
    return parse_log_and_length(payload, "shorter log");
}

OutFrame encode_conflict(const std::vector<format::LogName>& logs) {
    auto writer = begin_frame(16 + logs.size() * 80);
    writer.u32(static_cast<std::uint32_t>(std::min(logs.size(), kMaxConflicts)));
    for (std::size_t i = 0; i < std::min(logs.size(), kMaxConflicts); ++i) put_log(writer, logs[i]);
    return seal_frame(FetchMessage::conflict, writer);
}

result<std::vector<format::LogName>> parse_conflict(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    std::vector<format::LogName> logs;
    auto count = reader.count(kMaxConflicts, 13);
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) logs.push_back(get_log(reader));
    MARS_TRY_VOID(reader.finish("conflict"));
    return logs;
}

OutFrame encode_absent(const format::LogName& log) {
    auto writer = begin_frame(80);
    put_log(writer, log);
    return seal_frame(FetchMessage::absent, writer);
}

result<format::LogName> parse_absent(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    auto log = get_log(reader);
    MARS_TRY_VOID(reader.finish("absent log"));
    return log;
}

} // namespace mars::block
