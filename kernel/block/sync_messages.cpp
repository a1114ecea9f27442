// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/sync_messages.hpp"

#include <algorithm>
#include <bit>

namespace mars::block {

namespace {

constexpr std::size_t kBatchFields = 12;

void put_batch(format::Writer& writer, const SyncBatch& batch) {
    writer.u64(batch.offset).u32(batch.length);
}

SyncBatch get_batch(format::Reader& reader) {
    SyncBatch batch;
    batch.offset = reader.u64();
    batch.length = reader.u32();
    if (!reader.ok()) return SyncBatch();
    if (batch.offset % kSegmentBytes != 0) reader.fail("a multiple of 65536", std::to_string(batch.offset));
    if (batch.length == 0 || batch.length > kBatchBytes)
        reader.fail("a length from 1 to " + std::to_string(kBatchBytes), std::to_string(batch.length));
    if (batch.offset > std::uint64_t{1} << 62) reader.fail("an offset below 2^62", std::to_string(batch.offset));
    return reader.ok() ? batch : SyncBatch();
}

// A mask inside `allowed`; bits outside make the message bad.
std::uint16_t get_mask(format::Reader& reader, std::uint16_t allowed) {
    auto mask = reader.u16();
    if (reader.ok() && (mask & ~allowed) != 0)
        reader.fail("a mask inside " + std::to_string(allowed), std::to_string(mask));
    return reader.ok() ? mask : std::uint16_t{0};
}

template<class Digest>
Digest get_digest(format::Reader& reader) {
    Digest digest{};
    auto bytes = reader.raw(digest.size());
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    return digest;
}

OutFrame encode_mask(SyncMessage type, const Verdict& verdict) {
    auto writer = begin_frame(kBatchFields + 2);
    put_batch(writer, verdict.batch);
    writer.u16(verdict.different);
    return seal_frame(type, writer);
}

result<Verdict> parse_mask(std::span<const std::byte> payload, std::string_view what) {
    format::Reader reader(payload);
    Verdict verdict;
    verdict.batch = get_batch(reader);
    verdict.different = get_mask(reader, verdict.batch.all_segments());
    MARS_TRY_VOID(reader.finish(what));
    return verdict;
}

} // namespace

std::size_t SyncBatch::segment_length(std::size_t i) const {
    return std::min<std::size_t>(kSegmentBytes, length - segment_begin(i));
}

std::size_t SyncBatch::blocks(std::size_t segment) const {
    return (segment_length(segment) + kBlockBytes - 1) / kBlockBytes;
}

std::size_t SyncBatch::block_length(std::size_t segment, std::size_t block) const {
    return std::min<std::size_t>(kBlockBytes, segment_length(segment) - block * kBlockBytes);
}

OutFrame encode_sync_request(const SyncRequest& request) {
    auto writer = begin_frame(16);
    writer.u64(request.start).u64(request.end);
    return seal_frame(SyncMessage::request, writer);
}

result<SyncRequest> parse_sync_request(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    SyncRequest request;
    request.start = reader.u64();
    request.end = reader.u64();
    if (reader.ok() && request.start > request.end) reader.fail("an end behind the start", std::to_string(request.end));
    MARS_TRY_VOID(reader.finish("sync request"));
    return request;
}

OutFrame encode_source(std::uint64_t size) {
    auto writer = begin_frame(8);
    writer.u64(size);
    return seal_frame(SyncMessage::source, writer);
}

result<std::uint64_t> parse_source(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    auto size = reader.u64();
    MARS_TRY_VOID(reader.finish("sync source"));
    return size;
}

OutFrame encode_digests(const SegmentDigests& digests) {
    auto writer = begin_frame(kBatchFields + digests.digests.size() * sizeof(StrongDigest));
    put_batch(writer, digests.batch);
    for (auto& digest : digests.digests) writer.raw(digest);
    return seal_frame(SyncMessage::digests, writer);
}

result<SegmentDigests> parse_digests(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    SegmentDigests digests;
    digests.batch = get_batch(reader);
    for (std::size_t i = 0; i < digests.batch.segments() && reader.ok(); ++i)
        digests.digests.push_back(get_digest<StrongDigest>(reader));
    MARS_TRY_VOID(reader.finish("segment digests"));
    return digests;
}

OutFrame encode_verdict(const Verdict& verdict) {
    return encode_mask(SyncMessage::verdict, verdict);
}
result<Verdict> parse_verdict(std::span<const std::byte> payload) {
    return parse_mask(payload, "sync verdict");
}
OutFrame encode_whole(const Verdict& which) {
    return encode_mask(SyncMessage::whole, which);
}
result<Verdict> parse_whole(std::span<const std::byte> payload) {
    return parse_mask(payload, "request of segments");
}

OutFrame encode_emergency() {
    auto writer = begin_frame(0);
    return seal_frame(SyncMessage::emergency, writer);
}

OutFrame encode_blocks(const BlockDigests& blocks) {
    auto writer = begin_frame(kBatchFields + 2 + blocks.digests.size() * sizeof(ShortDigest));
    put_batch(writer, blocks.batch);
    writer.u16(blocks.segments);
    for (auto& digest : blocks.digests) writer.raw(digest);
    return seal_frame(SyncMessage::blocks, writer);
}

result<BlockDigests> parse_blocks(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    BlockDigests blocks;
    blocks.batch = get_batch(reader);
    blocks.segments = get_mask(reader, blocks.batch.all_segments());
    for (std::size_t i = 0; i < blocks.batch.segments() && reader.ok(); ++i) {
        if (!has_bit(blocks.segments, i)) continue;
        for (std::size_t b = 0; b < blocks.batch.blocks(i) && reader.ok(); ++b)
            blocks.digests.push_back(get_digest<ShortDigest>(reader));
    }
    MARS_TRY_VOID(reader.finish("block digests"));
    return blocks;
}

OutFrame encode_patch(const SyncBatch& batch, const std::vector<SegmentPatch>& patches,
                      std::span<const std::byte> content) {
    std::size_t blocks = 0;
    SegmentMask segments = 0;
    for (auto& patch : patches) {
        blocks += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(patch.different & ~patch.zero)));
        segments = static_cast<SegmentMask>(segments | 1U << patch.segment);
    }
    auto writer = begin_frame(kBatchFields + 2 + patches.size() * 36 + blocks * kBlockBytes);
    put_batch(writer, batch);
    writer.u16(segments);
    for (auto& patch : patches) writer.raw(patch.digest).u16(patch.different).u16(patch.zero);
    for (auto& patch : patches)
        for (std::size_t b = 0; b < batch.blocks(patch.segment); ++b)
            if (has_bit(patch.different, b) && !has_bit(patch.zero, b))
                writer.raw(content.subspan(batch.segment_begin(patch.segment) + b * kBlockBytes,
                                           batch.block_length(patch.segment, b)));
    return seal_frame(SyncMessage::patch, writer);
}

result<Patch> parse_patch(std::span<const std::byte> payload) {
    format::Reader reader(payload);
    Patch patch;
    patch.batch = get_batch(reader);
    auto segments = get_mask(reader, patch.batch.all_segments());
    std::size_t data = 0;
    for (std::size_t i = 0; i < patch.batch.segments() && reader.ok(); ++i) {
        if (!has_bit(segments, i)) continue;
        SegmentPatch segment;
        segment.segment = i;
        segment.digest = get_digest<StrongDigest>(reader);
        segment.different = get_mask(reader, patch.batch.all_blocks(i));
        segment.zero = get_mask(reader, segment.different);
        segment.data = data;
        for (std::size_t b = 0; b < patch.batch.blocks(i); ++b)
            if (has_bit(segment.different, b) && !has_bit(segment.zero, b)) data += patch.batch.block_length(i, b);
        patch.segments.push_back(segment);
    }
    patch.data = reader.raw(data);
    MARS_TRY_VOID(reader.finish("sync patch"));
    return patch;
}

std::optional<SyncBatch> peek_batch(const Frame& frame) {
    if (!frame.is(SyncMessage::verdict) && !frame.is(SyncMessage::patch)) return std::nullopt;
    if (frame.payload.size() < kBatchFields) return std::nullopt;
    format::Reader reader(frame.payload);
    auto batch = get_batch(reader);
    return reader.ok() ? std::optional<SyncBatch>(batch) : std::nullopt;
}

} // namespace mars::block
