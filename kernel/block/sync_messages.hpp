// SPDX-License-Identifier: GPL-2.0-or-later
// The messages of the fast full sync (port 7779) after the handshake. The client walks over its disk in batches of at
// most kBatchSegments segments; each batch is settled by one or two questions.
// Pure functions on bytes; parsers return bad_message for anything that is not exactly one well-formed message, so
// ranges and masks that come out of them fit together.
// Format: docs/formats/sync.md. Tests: tests/unit/block/net_messages_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernel/block/aligned_buffer.hpp"
#include "kernel/block/digests.hpp"
#include "kernel/block/peer_messages.hpp"

namespace mars::block {

// On the wire: never renumber.
enum class SyncMessage : std::uint16_t {
    request = 32,   // client: I want to compare this range
    source = 33,    // server: how large the source is
    digests = 34,   // client: strong digests of a batch's segments
    verdict = 35,   // server: which of them differ
    blocks = 36,    // client: short digests of the blocks of the segments that differ
    patch = 37,     // server: the blocks that differ, and what each segment's strong digest is then
    whole = 38,     // client: a patched segment came out wrong: give me all of it (answered by a patch)
    emergency = 39, // server: the source's data must not be used (any more); the session ends
};

inline constexpr std::size_t kSegmentBytes = std::size_t{64} << 10;
inline constexpr std::size_t kSegmentBlocks = kSegmentBytes / kBlockBytes;
inline constexpr std::size_t kBatchSegments = 16;
inline constexpr std::size_t kBatchBytes = kBatchSegments * kSegmentBytes;

// In masks of the segments of a batch, or of the blocks of a segment.
inline bool has_bit(std::uint16_t mask, std::size_t bit) {
    return (mask >> bit & 1U) != 0;
}

using SegmentMask = std::uint16_t; // bit i: segment i of the batch
using BlockMask = std::uint16_t;   // bit i: block i of the segment
static_assert(kBatchSegments <= 16 && kSegmentBlocks <= 16);

// A batch: begins at a segment boundary; its last segment, and that one's last block, may be shorter than the others
// at the end of the device.
struct SyncBatch {
    std::uint64_t offset = 0;
    std::uint32_t length = 0; // 1 … kBatchBytes

    bool operator==(const SyncBatch&) const = default;

    std::size_t segments() const { return (length + kSegmentBytes - 1) / kSegmentBytes; }
    std::size_t segment_begin(std::size_t i) const { return i * kSegmentBytes; } // inside the batch
    std::size_t segment_length(std::size_t i) const;
    std::size_t blocks(std::size_t segment) const;
    std::size_t block_length(std::size_t segment, std::size_t block) const;
    SegmentMask all_segments() const { return static_cast<SegmentMask>((std::uint32_t{1} << segments()) - 1); }
    BlockMask all_blocks(std::size_t segment) const {
        return static_cast<BlockMask>((std::uint32_t{1} << blocks(segment)) - 1);
    }
};

struct SyncRequest {
    std::uint64_t start = 0;
    std::uint64_t end = 0;

    bool operator==(const SyncRequest&) const = default;
};

struct SegmentDigests {
    SyncBatch batch;
    std::vector<StrongDigest> digests; // one per segment

    bool operator==(const SegmentDigests&) const = default;
};

struct Verdict {
    SyncBatch batch;
    SegmentMask different = 0;

    bool operator==(const Verdict&) const = default;
};

struct BlockDigests {
    SyncBatch batch;
    SegmentMask segments = 0;
    std::vector<ShortDigest> digests; // of all blocks of these segments, in order

    bool operator==(const BlockDigests&) const = default;
};

struct SegmentPatch {
    std::size_t segment = 0;
    StrongDigest digest{}; // of the whole segment as the source was read
    BlockMask different = 0;
    BlockMask zero = 0;   // of these, all bytes are zero: no data in the message
    std::size_t data = 0; // where the data of the others begins in Patch::data
};

struct Patch {
    SyncBatch batch;
    std::vector<SegmentPatch> segments; // ascending
    std::span<const std::byte> data;    // points into the payload
};

OutFrame encode_sync_request(const SyncRequest& request);
OutFrame encode_source(std::uint64_t size);
OutFrame encode_digests(const SegmentDigests& digests);
OutFrame encode_verdict(const Verdict& verdict);
OutFrame encode_blocks(const BlockDigests& blocks);
OutFrame encode_whole(const Verdict& which);
OutFrame encode_emergency();
// `content`: the batch as the source was read; of each segment in `patches`, `data` is not looked at.
OutFrame encode_patch(const SyncBatch& batch, const std::vector<SegmentPatch>& patches,
                      std::span<const std::byte> content);

result<SyncRequest> parse_sync_request(std::span<const std::byte> payload);
result<std::uint64_t> parse_source(std::span<const std::byte> payload);
result<SegmentDigests> parse_digests(std::span<const std::byte> payload);
result<Verdict> parse_verdict(std::span<const std::byte> payload);
result<BlockDigests> parse_blocks(std::span<const std::byte> payload);
result<Verdict> parse_whole(std::span<const std::byte> payload);
result<Patch> parse_patch(std::span<const std::byte> payload);
// verdict and patch begin with their batch; nullopt for everything else.
std::optional<SyncBatch> peek_batch(const Frame& frame);

} // namespace mars::block
