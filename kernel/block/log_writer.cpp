// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/log_writer.hpp"

namespace mars::block {

env::task<void> LogWriter::run() {
    for (;;) {
        auto batch = buffer_.begin_commit();
        if (!batch) {
            if (finishing_) break;
            co_await work_.wait();
            continue;
        }
        is_committing_ = true;
        auto durable = co_await make_durable(*batch);
        is_committing_ = false;
        if (!durable) {
            co_await cut_failed(*batch);
            failed_ = durable.error();
            break;
        }
        buffer_.end_commit(env_.clock().steady());
        on_progress();
        committed_.notify();
    }
    if (failed_) on_progress();
    committed_.notify();
}

// Before anybody hears of the failure: the page cache may hold what the disk has not got, and after a failed sync the
// next one says that all is well, so a marsd that is killed now would find these bytes and believe in them.
env::task<void> LogWriter::cut_failed(const Batch& batch) {
    const auto cut = co_await batch.log->file->cut(batch.log->durable);
    if (!cut) env_.log().error(cut.error().text + "; tried again when the device is closed");
}

void LogWriter::finish() {
    finishing_ = true;
    work_.notify();
}

env::task<result<void>> LogWriter::make_durable(Batch& batch) {
    LogFile& file = *batch.log->file;
    const Duration start = env_.clock().steady();
    for (const auto& piece : batch.pieces) MARS_CO_TRY_VOID(co_await file.append(piece.span()));
    const Duration appended = env_.clock().steady();
    MARS_CO_TRY_VOID(co_await file.sync());
    MARS_CO_TRY_VOID(co_await file.keep_place());
    counters_.append_time += appended - start;
    counters_.sync_time += env_.clock().steady() - appended;
    counters_.commits += 1;
    counters_.records += batch.records;
    counters_.log_bytes += batch.log_bytes;
    co_return result<void>();
}

} // namespace mars::block
