// SPDX-License-Identifier: GPL-2.0-or-later
// WriteBuffer: the writes of a primary between the request and the disk. Pure memory: no I/O, nothing suspends.
// Runs on: the resource's io_context. Used by: Logger (stages, reads), LogWriter (commits), Writeback (rounds).
//
// Data moves through these stages, newest first:
//
//     filling batch ─▶ batches waiting for their commit ─▶ batch in commit ─▶ committed layer ─▶ layer in writeback ─▶
//     disk
//
// A batch holds encoded log records, in log order; the payloads inside them are the only copy of the data, but for
// those that are compressed in the log. Every batch and layer has an ExtentMap of the newest data in it.
//
// Why reads are right (spec: transaction-log 10.3):
//   TL-B1  stage() appends the records to the batch and inserts into its index in one go, without suspending. So the
//          order of the log and the order of layering are the same, for all writes and not only overlapping ones.
//   TL-B2  Bytes of a record are never changed after stage() has returned; a later write of the same range makes a new
//          record.
//   TL-B3  Data leaves this buffer only in end_writeback(), after the disk has everything that the layer holds. Data
//   that
//          is hidden by newer data in the same layer needs no writeback; its log record is covered by the same
//          position.
//   TL-B4  view() takes from all stages at one moment, older first, so newer ones win; it shares the memory, so what
//          happens to the stages afterwards does not matter. What it does not hold was completely on the disk at that
//          moment, so reading the disk afterwards shows that or something newer. A write that is written back while the
//          disk is being read started after the read did: either order is right.
// Memory: every staged byte was taken from the account in the MemoryBudget before; it is given back by end_writeback()
// or drop_batches(), and with the account.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "kernel/block/extent_map.hpp"
#include "kernel/block/log_file.hpp"
#include "kernel/block/memory_budget.hpp"
#include "kernel/block/record_arena.hpp"
#include "kernel/env/event.hpp"
#include "kernel/format/log_record.hpp"

namespace mars::block {

// A transaction log that is being written, with its positions; all of them are ends of records.
// written_back ≤ round_end ≤ durable ≤ staged.
struct OpenLog {
    explicit OpenLog(LogFile f) : file(std::move(f)), name(file->name()) {}

    std::optional<LogFile> file; // until it is closed
    format::LogName name;
    std::uint64_t staged = 0;       // behind the last record that was made
    std::uint64_t durable = 0;      // behind the last record that is durable
    std::uint64_t written_back = 0; // everything before is durable on the disk
    std::uint64_t round_end = 0;    // the disk was touched by nothing behind this
    std::uint32_t next_seq = 1;
};

struct Batch {
    Batch(std::shared_ptr<OpenLog> l, env::ParkingLot& lot) : log(std::move(l)), end(log->staged), finished(lot) {}

    bool empty() const { return records == 0; }

    std::shared_ptr<OpenLog> log;
    std::uint64_t end;         // in the log, behind the last record
    std::vector<Piece> pieces; // the bytes to append
    ExtentMap index;
    std::uint64_t records = 0;
    std::uint64_t log_bytes = 0;
    std::uint64_t charge = 0; // taken from the budget
    std::optional<result<void>> outcome;
    env::Event finished; // notified when there is an outcome
};

struct Layer {
    std::shared_ptr<OpenLog> log;
    std::uint64_t end = 0; // everything in the log before this position is in this layer or an older one
    ExtentMap index;
    std::uint64_t charge = 0;
    Duration since{0}; // when its first data was committed, steady time
    bool in_writeback = false;
};

// What the buffer had of a range of the device at one moment.
class BufferView {
  public:
    BufferView(std::uint64_t offset, std::size_t bytes) : offset_(offset), bytes_(bytes) {}

    bool covers_all() const { return newest_.bytes() == bytes_; }
    bool covers_nothing() const { return newest_.empty(); }
    // Copies what it has over the caller's bytes of that range.
    void copy_to(std::span<std::byte> into) const;

  private:
    friend class WriteBuffer;
    std::uint64_t offset_;
    std::size_t bytes_;
    ExtentMap newest_;
};

class WriteBuffer {
  public:
    WriteBuffer(env::ParkingLot& lot, MemoryBudget::Account& account) : lot_(lot), account_(account) {}
    WriteBuffer(const WriteBuffer&) = delete;
    WriteBuffer& operator=(const WriteBuffer&) = delete;

    // Budget that a write of [offset, offset + bytes) needs.
    static std::uint64_t charge_of(std::uint64_t offset, std::size_t bytes);

    // All later writes go to `log`, from its byte 0 on.
    void start_log(std::shared_ptr<OpenLog> log);
    // Adds one write, whose charge was taken before, as records with this stamp; checksums and compression are of
    // `usable` kinds.
    // Returns the batch that will make it durable.
    std::shared_ptr<Batch> stage(std::uint64_t offset, std::span<const std::byte> data, Stamp stamp,
                                 format::KindMask usable);
    BufferView view(std::uint64_t offset, std::size_t bytes) const;

    // The oldest batch with records, or nullptr. Nothing is added to it any more. It stays visible until end_commit().
    std::shared_ptr<Batch> begin_commit();
    // The batch in commit has become durable: it joins the committed data.
    void end_commit(Duration now);
    // No batch will ever become durable: the data is dropped, all writers get `why`.
    void drop_batches(const failure& why);
    bool has_batches_of(const OpenLog& log) const;
    // Budget that is in use here.
    std::uint64_t charge() const { return charge_; }

    // The oldest committed data, or nullptr. It grows until begin_writeback().
    const std::shared_ptr<Layer>& oldest_layer() const;
    bool has_layers_of(const OpenLog& log) const;
    std::shared_ptr<Layer> begin_writeback();
    // Everything in the layer in writeback is on the disk, durably.
    void end_writeback();

  private:
    std::shared_ptr<Batch>& filling() { return batches_.back(); }
    void add_record(Batch& batch, std::uint64_t offset, std::span<const std::byte> payload, Stamp stamp,
                    format::KindMask usable);

    static void append(Batch& batch, const RecordArena& arena, std::span<const std::byte> record);

    env::ParkingLot& lot_;
    MemoryBudget::Account& account_;
    RecordArena arena_;
    RecordArena log_arena_; // of compressed records, which only the log needs
    std::array<std::byte, MARS_LOG_MAX_PAYLOAD> compressed_{};
    std::uint64_t charge_ = 0;
    std::deque<std::shared_ptr<Batch>> batches_; // in log order; the last one is being filled
    std::deque<std::shared_ptr<Layer>> layers_;  // oldest first
};

} // namespace mars::block
