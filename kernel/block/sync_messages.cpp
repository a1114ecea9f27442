// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/sync_messages.hpp"

#include <algorithm>
#include <bit>

namespace mars::block {

namespace {

using format::check;
using format::field;
using format::following;
using format::layout;
using format::Reader;

constexpr std::size_t kBatchFields = 12;

void check_mask(Reader& reader, std::uint16_t mask, std::uint16_t allowed) {
    if ((mask & ~allowed) != 0) reader.fail("a mask inside " + std::to_string(allowed), std::to_string(mask));
}

constexpr auto kBatch = layout<SyncBatch>(
    field(&SyncBatch::offset), field(&SyncBatch::length), check<SyncBatch>([](Reader& reader, auto& batch) {
        if (batch.offset % kSegmentBytes != 0) reader.fail("a multiple of 65536", std::to_string(batch.offset));
        if (batch.length == 0 || batch.length > kBatchBytes)
            reader.fail("a length from 1 to " + std::to_string(kBatchBytes), std::to_string(batch.length));
        if (batch.offset > std::uint64_t{1} << 62) reader.fail("an offset below 2^62", std::to_string(batch.offset));
    }));
static_assert(kBatch.least() == kBatchFields);

constexpr auto kRequest = layout<SyncRequest>(
    field(&SyncRequest::start), field(&SyncRequest::end), check<SyncRequest>([](Reader& reader, auto& request) {
        if (request.start > request.end) reader.fail("an end behind the start", std::to_string(request.end));
    }));

struct Source {
    std::uint64_t size = 0;
};
constexpr auto kSource = layout<Source>(field(&Source::size));

constexpr auto kDigests =
    layout<SegmentDigests>(field(&SegmentDigests::batch, kBatch),
                           following(&SegmentDigests::digests, [](auto& digests) { return digests.batch.segments(); }));

constexpr auto kVerdict = layout<Verdict>(field(&Verdict::batch, kBatch), field(&Verdict::different),
                                          check<Verdict>([](Reader& reader, auto& verdict) {
                                              check_mask(reader, verdict.different, verdict.batch.all_segments());
                                          }));

std::size_t count_blocks(const BlockDigests& of) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < of.batch.segments(); ++i)
        if (has_bit(of.segments, i)) count += of.batch.blocks(i);
    return count;
}

constexpr auto kBlocks = layout<BlockDigests>(field(&BlockDigests::batch, kBatch), field(&BlockDigests::segments),
                                              check<BlockDigests>([](Reader& reader, auto& blocks) {
                                                  check_mask(reader, blocks.segments, blocks.batch.all_segments());
                                              }),
                                              following(&BlockDigests::digests, count_blocks));

// Of the head of a patch; for each segment in the mask one kSegmentPatch, and then the blocks follow.
struct PatchHead {
    SyncBatch batch;
    SegmentMask segments = 0;
};
constexpr auto kPatchHead = layout<PatchHead>(
    field(&PatchHead::batch, kBatch), field(&PatchHead::segments),
    check<PatchHead>([](Reader& reader, auto& head) { check_mask(reader, head.segments, head.batch.all_segments()); }));
constexpr auto kSegmentPatch = layout<SegmentPatch>(
    field(&SegmentPatch::digest), field(&SegmentPatch::different), field(&SegmentPatch::zero),
    check<SegmentPatch>([](Reader& reader, auto& patch) { check_mask(reader, patch.zero, patch.different); }));

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
    return encode_fields(SyncMessage::request, kRequest, request, 16);
}
result<SyncRequest> parse_sync_request(std::span<const std::byte> payload) {
    return kRequest.parse("sync request", payload);
}

OutFrame encode_source(std::uint64_t size) {
    return encode_fields(SyncMessage::source, kSource, Source{size}, 8);
}
result<std::uint64_t> parse_source(std::span<const std::byte> payload) {
    MARS_TRY(const auto source, kSource.parse("sync source", payload));
    return source.size;
}

OutFrame encode_digests(const SegmentDigests& digests) {
    return encode_fields(SyncMessage::digests, kDigests, digests,
                         kBatchFields + digests.digests.size() * sizeof(StrongDigest));
}
result<SegmentDigests> parse_digests(std::span<const std::byte> payload) {
    return kDigests.parse("segment digests", payload);
}

OutFrame encode_verdict(const Verdict& verdict) {
    return encode_fields(SyncMessage::verdict, kVerdict, verdict, kBatchFields + 2);
}
result<Verdict> parse_verdict(std::span<const std::byte> payload) {
    return kVerdict.parse("sync verdict", payload);
}
OutFrame encode_whole(const Verdict& which) {
    return encode_fields(SyncMessage::whole, kVerdict, which, kBatchFields + 2);
}
result<Verdict> parse_whole(std::span<const std::byte> payload) {
    return kVerdict.parse("request of segments", payload);
}

OutFrame encode_emergency() {
    auto writer = begin_frame(0);
    return seal_frame(SyncMessage::emergency, writer);
}

OutFrame encode_blocks(const BlockDigests& blocks) {
    return encode_fields(SyncMessage::blocks, kBlocks, blocks,
                         kBatchFields + 2 + blocks.digests.size() * sizeof(ShortDigest));
}
result<BlockDigests> parse_blocks(std::span<const std::byte> payload) {
    return kBlocks.parse("block digests", payload);
}

OutFrame encode_patch(const SyncBatch& batch, const std::vector<SegmentPatch>& patches,
                      std::span<const std::byte> content) {
    std::size_t blocks = 0;
    PatchHead head{batch, 0};
    for (auto& patch : patches) {
        blocks += static_cast<std::size_t>(std::popcount(static_cast<unsigned>(patch.different & ~patch.zero)));
        head.segments = static_cast<SegmentMask>(head.segments | 1U << patch.segment);
    }
    auto writer = begin_frame(kBatchFields + 2 + patches.size() * kSegmentPatch.least() + blocks * kBlockBytes);
    kPatchHead.put(writer, head);
    for (auto& patch : patches) kSegmentPatch.put(writer, patch);
    for (auto& patch : patches)
        for (std::size_t b = 0; b < batch.blocks(patch.segment); ++b)
            if (has_bit(patch.different, b) && !has_bit(patch.zero, b))
                writer.raw(content.subspan(batch.segment_begin(patch.segment) + b * kBlockBytes,
                                           batch.block_length(patch.segment, b)));
    return seal_frame(SyncMessage::patch, writer);
}

result<Patch> parse_patch(std::span<const std::byte> payload) {
    Reader reader(payload);
    PatchHead head;
    kPatchHead.get(reader, head);
    Patch patch;
    patch.batch = head.batch;
    std::size_t data = 0;
    for (std::size_t i = 0; reader.ok() && i < patch.batch.segments(); ++i) {
        if (!has_bit(head.segments, i)) continue;
        SegmentPatch segment;
        segment.segment = i;
        kSegmentPatch.get(reader, segment);
        if (reader.ok()) check_mask(reader, segment.different, patch.batch.all_blocks(i));
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
    Reader reader(frame.payload);
    SyncBatch batch;
    kBatch.get(reader, batch);
    return reader.ok() ? std::optional<SyncBatch>(batch) : std::nullopt;
}

} // namespace mars::block
