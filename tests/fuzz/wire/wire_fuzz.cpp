// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever a peer sends, headers and fields are read within their bounds, and what was read is written back equal.
// Input: bytes of a stream of frames; the payload of each is read as fields, chosen by bytes of the payload itself.
#include <algorithm>

#include "kernel/format/wire.hpp"
#include "tests/fuzz/check.hpp"

using namespace mars::format;
using mars::fuzz::check;

namespace {

// Reads one field of the kind that `r` itself names, and writes it to `w`.
void copy_field(Reader& r, Writer& w) {
    const auto kind = r.u8();
    w.u8(kind);
    switch (kind % 12) {
    case 0:
        w.u8(r.u8());
        break;
    case 1:
        w.u16(r.u16());
        break;
    case 2:
        w.u32(r.u32());
        break;
    case 3:
        w.u64(r.u64());
        break;
    case 4:
        w.i32(r.i32());
        break;
    case 5:
        w.i64(r.i64());
        break;
    case 6:
        w.boolean(r.boolean());
        break;
    case 7:
        w.string(r.string(1000));
        break;
    case 8:
        w.bytes(r.bytes(100000));
        break;
    case 9:
        w.stamp(r.stamp());
        break;
    case 10:
        w.raw(r.raw(kind));
        break;
    default: {
        const auto n = r.count(5000, 2);
        w.u32(n);
        for (std::uint32_t i = 0; i < n; ++i) w.u16(r.u16());
    }
    }
}

void copy_message(std::span<const std::byte> payload) {
    Reader r(payload);
    Writer w;
    while (r.ok() && !r.at_end()) copy_field(r, w);
    check(r.offset() <= payload.size(), "nothing is read behind the end");
    check(r.finish("message").has_value() == (r.ok() && r.at_end()), "finish() tells what ok() and at_end() tell");
    if (r.ok()) check(std::ranges::equal(w.view(), payload), "what is read is what was written");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto rest = std::as_bytes(std::span(data, size));
    copy_message(rest);
    while (rest.size() >= kFrameHeaderBytes) {
        const auto header = decode_header(rest.first<kFrameHeaderBytes>());
        if (!header) return 0;
        rest = rest.subspan(kFrameHeaderBytes);
        check(header->length <= kMaxFramePayload, "lengths are bounded");
        const auto payload = rest.first(std::min<std::size_t>(header->length, rest.size()));
        rest = rest.subspan(payload.size());
        if (!check_payload(*header, payload)) return 0;
        copy_message(payload);
        const auto again = encode_frame(header->type, payload);
        check(std::ranges::equal(
                  std::span(again).first(kFrameHeaderBytes),
                  std::as_bytes(std::span(data, size)).subspan(size - rest.size() - again.size(), kFrameHeaderBytes)),
              "a frame has one form");
    }
    return 0;
}
