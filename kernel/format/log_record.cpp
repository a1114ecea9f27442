// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/log_record.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "kernel/base/result.hpp"

namespace mars::format {

namespace {

[[noreturn]] void refuse(const char* what, std::int64_t found) {
    panic(std::string("log record: ") + what + ", found " + std::to_string(found));
}

void check_fields(const RecordFields& fields, std::size_t payload_bytes) {
    if (payload_bytes == 0 || payload_bytes > MARS_LOG_MAX_PAYLOAD) {
        refuse("the payload must have 1 to 4096 bytes", static_cast<std::int64_t>(payload_bytes));
    }
    if (fields.pos < 0) refuse("the position must not be negative", fields.pos);
    if (fields.pos % MARS_LOG_REGION + static_cast<std::int64_t>(payload_bytes) > MARS_LOG_REGION) {
        refuse("the payload must not cross a multiple of 65536", fields.pos);
    }
    if (fields.stamp.nsec < 0 || fields.stamp.nsec >= kNsecPerSec) {
        refuse("nanoseconds must be 0 to 999999999", fields.stamp.nsec);
    }
}

std::uint8_t* raw(std::byte* bytes) {
    return reinterpret_cast<std::uint8_t*>(bytes);
}

// What is between header and trailer.
struct Body {
    std::size_t bytes;        // with padding
    std::size_t length;       // without
    std::size_t decompressed; // 0: it is the payload itself
    KindMask compression = 0;
};

// Header and trailer around a body that is in place.
void frame(const RecordFields& fields, const Body& body, const RecordSum& sum, std::span<std::byte> out) {
    const std::size_t total = body.bytes + MARS_LOG_OVERHEAD;
    mars_log_header header{};
    header.stamp_sec = fields.stamp.sec;
    header.stamp_nsec = fields.stamp.nsec;
    header.pos = fields.pos;
    header.total_len = static_cast<std::int16_t>(total);
    header.len = static_cast<std::int16_t>(body.length);
    header.decompr_len = static_cast<std::int16_t>(body.decompressed);
    header.code = fields.code;

    mars_log_trailer trailer{};
    trailer.seq = fields.seq;
    trailer.kinds =
        static_cast<std::uint16_t>((static_cast<KindMask>(sum.kind) | body.compression) >> MARS_LOG_KIND_SHIFT);
    std::memcpy(trailer.crc_old, sum.crc_old.data(), sum.crc_old.size());
    std::memcpy(trailer.sum, sum.folded.data(), sum.folded.size());

    mars_log_store_header(raw(out.data()), &header);
    mars_log_store_trailer(raw(out.data() + MARS_LOG_HEADER_BYTES + body.bytes), &trailer);
    mars_log_set_valid(raw(out.data()), total);
}

} // namespace

RecordSum make_sum(DigestKind kind, std::span<const std::byte> payload) {
    RecordSum sum;
    sum.kind = kind;
    const auto whole = digest(kind, payload);
    if (kind == DigestKind::md5_old) {
        std::copy_n(whole.begin(), sum.crc_old.size(), sum.crc_old.begin());
    } else {
        sum.folded = fold(whole);
    }
    return sum;
}

bool is_weak(const RecordSum& sum) {
    return sum.kind == DigestKind::md5_old ? sum.crc_old == decltype(sum.crc_old){} : is_zero(sum.folded);
}

std::optional<RecordSum> choose_checksum(KindMask usable, std::span<const std::byte> payload) {
    const auto preferred = make_sum(preferred_digest(usable, payload.size()), payload);
    if (!is_weak(preferred)) return preferred;
    if (preferred.kind != DigestKind::sha1 && contains(usable, DigestKind::sha1)) {
        const auto sum = make_sum(DigestKind::sha1, payload);
        if (!is_weak(sum)) return sum;
    }
    if (preferred.kind == DigestKind::md5_old) return std::nullopt;
    const auto last = make_sum(DigestKind::md5_old, payload);
    return is_weak(last) ? preferred : last; // a fold of zero is valid, an MD5_OLD of zero is not
}

std::size_t encode_record(const RecordFields& fields, std::span<const std::byte> payload, const RecordSum& sum,
                          std::span<std::byte> out) {
    check_fields(fields, payload.size());
    const std::size_t total = record_bytes(payload.size());
    if (out.size() < total) refuse("the buffer is too short", static_cast<std::int64_t>(out.size()));
    std::byte* body = out.data() + MARS_LOG_HEADER_BYTES;
    if (payload.data() != body) std::memcpy(body, payload.data(), payload.size());
    frame(fields, {payload.size(), payload.size(), 0, 0}, sum, out);
    return total;
}

std::size_t encode_compressed(const RecordFields& fields, CompressionKind kind, std::span<const std::byte> body,
                              std::size_t payload_bytes, const RecordSum& sum, std::span<std::byte> out) {
    check_fields(fields, payload_bytes);
    const std::size_t padded = padded_body_bytes(body.size());
    if (body.empty() || padded >= payload_bytes)
        refuse("the body must be shorter than the payload", static_cast<std::int64_t>(body.size()));
    if (out.size() < padded + MARS_LOG_OVERHEAD)
        refuse("the buffer is too short", static_cast<std::int64_t>(out.size()));
    std::byte* at = out.data() + MARS_LOG_HEADER_BYTES;
    std::memcpy(at, body.data(), body.size());
    std::memset(at + body.size(), 0, padded - body.size());
    frame(fields, {padded, body.size(), payload_bytes, static_cast<KindMask>(kind)}, sum, out);
    return padded + MARS_LOG_OVERHEAD;
}

void append_record(const RecordFields& fields, std::span<const std::byte> payload, const RecordSum& sum,
                   std::vector<std::byte>& log) {
    const std::size_t at = log.size();
    log.resize(at + record_bytes(payload.size()));
    encode_record(fields, payload, sum, std::span(log).subspan(at));
}

} // namespace mars::format
