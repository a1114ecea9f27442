// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/write_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "kernel/block/aligned_buffer.hpp"

namespace mars::block {

namespace {

constexpr std::uint64_t kIndexBytes = 160;        // about what a record costs in the maps
constexpr std::uint64_t kMaxBatchBytes = 4 << 20; // bounds how long one commit takes
constexpr std::size_t kRecordPayload = MARS_LOG_MAX_PAYLOAD;

// Bytes until the next multiple of 4096 on the device. Records end there, so that data which is overwritten blockwise
// is replaced as a whole; multiples of 64 KiB are never crossed either.
std::size_t first_record_bytes(std::uint64_t offset, std::size_t bytes) {
    return std::min<std::size_t>(bytes, kRecordPayload - offset % kRecordPayload);
}

} // namespace

void BufferView::copy_to(std::span<std::byte> into) const {
    for (const auto& [at, piece] : newest_) std::memcpy(into.data() + (at - offset_), piece.data.get(), piece.bytes);
}

std::uint64_t WriteBuffer::charge_of(std::uint64_t offset, std::size_t bytes) {
    const std::uint64_t records = (block_ceil(offset + bytes) - block_floor(offset)) / kRecordPayload;
    return bytes + records * (MARS_LOG_OVERHEAD + kIndexBytes);
}

void WriteBuffer::start_log(std::shared_ptr<OpenLog> log) {
    batches_.push_back(std::make_shared<Batch>(std::move(log), lot_));
}

std::shared_ptr<Batch> WriteBuffer::stage(std::uint64_t offset, std::span<const std::byte> data, Stamp stamp,
                                          format::KindMask usable) {
    if (filling()->log_bytes >= kMaxBatchBytes) start_log(filling()->log);
    auto batch = filling();
    const std::uint64_t charge = charge_of(offset, data.size());
    batch->charge += charge;
    charge_ += charge;
    while (!data.empty()) {
        const std::size_t bytes = first_record_bytes(offset, data.size());
        add_record(*batch, offset, data.first(bytes), stamp, usable);
        offset += bytes;
        data = data.subspan(bytes);
    }
    return batch;
}

// The caller's bytes are copied first and digested in the copy: they may change underway.
void WriteBuffer::add_record(Batch& batch, std::uint64_t offset, std::span<const std::byte> payload, Stamp stamp,
                             format::KindMask usable) {
    auto out = arena_.allocate(format::record_bytes(payload.size()));
    auto body = out.subspan(MARS_LOG_HEADER_BYTES, payload.size());
    std::copy_n(payload.begin(), body.size(), body.begin());
    auto sum = format::choose_checksum(usable, body);
    if (!sum) { // one payload in 2^32, when nothing but MD5_OLD is usable (TL-S1)
        const std::size_t half = payload.size() / 2 / kSectorBytes * kSectorBytes;
        if (half > 0) {
            add_record(batch, offset, payload.first(half), stamp, usable);
            add_record(batch, offset + half, payload.subspan(half), stamp, usable);
            return;
        }
        sum = format::make_sum(format::DigestKind::crc32c, body); // a sector cannot be cut
    }

    format::RecordFields fields;
    fields.stamp = stamp;
    fields.pos = static_cast<std::int64_t>(offset);
    fields.seq = batch.log->next_seq++;
    batch.index.insert(offset, arena_.share(body));
    const auto kind = format::preferred_compression(usable);
    const auto bytes = kind ? format::compress(*kind, body, compressed_) : 0;
    if (bytes == 0) {
        format::encode_record(fields, body, *sum, out);
        append(batch, arena_, out);
    } else { // the payload stays where it is, for readers and the disk
        auto record = log_arena_.allocate(format::compressed_record_bytes(bytes));
        format::encode_compressed(fields, *kind, std::span(compressed_).first(bytes), body.size(), *sum, record);
        append(batch, log_arena_, record);
    }
}

void WriteBuffer::append(Batch& batch, const RecordArena& arena, std::span<const std::byte> record) {
    auto& pieces = batch.pieces;
    if (!pieces.empty() && pieces.back().data.get() + pieces.back().bytes == record.data())
        pieces.back().bytes += record.size();
    else
        pieces.push_back(arena.share(record));
    batch.log->staged += record.size();
    batch.end = batch.log->staged;
    batch.log_bytes += record.size();
    ++batch.records;
}

BufferView WriteBuffer::view(std::uint64_t offset, std::size_t bytes) const {
    BufferView view(offset, bytes);
    for (const auto& layer : layers_) layer->index.copy_range(offset, offset + bytes, view.newest_);
    for (const auto& batch : batches_) batch->index.copy_range(offset, offset + bytes, view.newest_);
    return view;
}

std::shared_ptr<Batch> WriteBuffer::begin_commit() {
    while (batches_.size() > 1 && batches_.front()->empty()) batches_.pop_front(); // a log that ended without a write
    auto front = batches_.front();
    if (front->empty()) return nullptr;
    if (batches_.size() == 1) start_log(front->log);
    return front;
}

void WriteBuffer::end_commit(Duration now) {
    auto batch = batches_.front();
    batches_.pop_front();
    batch->log->durable = batch->end;
    if (layers_.empty() || layers_.back()->in_writeback || layers_.back()->log != batch->log) {
        layers_.push_back(std::make_shared<Layer>());
        layers_.back()->log = batch->log;
        layers_.back()->since = now;
    }
    Layer& layer = *layers_.back();
    layer.index.merge(std::move(batch->index));
    layer.end = batch->end;
    layer.charge += batch->charge;
    batch->outcome.emplace();
    batch->finished.notify();
}

void WriteBuffer::drop_batches(const failure& why) {
    for (auto& batch : std::exchange(batches_, {})) {
        charge_ -= batch->charge;
        account_.give_back(batch->charge);
        batch->outcome.emplace(why);
        batch->finished.notify();
    }
}

bool WriteBuffer::has_batches_of(const OpenLog& log) const {
    return std::any_of(batches_.begin(), batches_.end(),
                       [&log](const auto& batch) { return batch->log.get() == &log && !batch->empty(); });
}

const std::shared_ptr<Layer>& WriteBuffer::oldest_layer() const {
    static const std::shared_ptr<Layer> none;
    return layers_.empty() ? none : layers_.front();
}

bool WriteBuffer::has_layers_of(const OpenLog& log) const {
    return std::any_of(layers_.begin(), layers_.end(), [&log](const auto& layer) { return layer->log.get() == &log; });
}

std::shared_ptr<Layer> WriteBuffer::begin_writeback() {
    auto layer = layers_.front();
    layer->in_writeback = true;
    layer->log->round_end = layer->end;
    return layer;
}

void WriteBuffer::end_writeback() {
    auto layer = layers_.front();
    layers_.pop_front();
    layer->log->written_back = layer->end;
    charge_ -= layer->charge;
    account_.give_back(layer->charge);
}

} // namespace mars::block
