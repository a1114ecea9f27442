// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/log_reader.hpp"

#include <algorithm>

namespace mars::block {

namespace {

constexpr std::size_t kWindowBytes = 1 << 20;

} // namespace

env::task<result<std::unique_ptr<LogReader>>> LogReader::open(env::Env& env, std::string path, std::uint64_t start,
                                                              std::uint64_t end, format::ScanOptions options) {
    std::unique_ptr<LogReader> reader(new LogReader(start, std::max(start, end), options));
    auto opened = co_await env.storage().open(path, env::OpenMode());
    if (!opened) co_return opened.error().with("log");
    reader->file_ = *std::move(opened);
    MARS_CO_TRY(const std::uint64_t size, reader->file_->size());
    if (size < start)
        co_return failure(std::errc::bad_file_descriptor, "log " + path + ": expected at least " +
                                                              std::to_string(start) + " bytes, found " +
                                                              std::to_string(size));
    // What a killed marsd has appended may be in the page cache only. If it were applied to a disk and then lost, the
    // disk would be ahead of its log.
    auto synced = co_await reader->file_->sync_data();
    if (!synced) co_return synced.error().with("log");
    co_return std::move(reader);
}

env::task<result<format::ScanResult>> LogReader::next() {
    for (;;) {
        auto step = scanner_.next();
        if (step.kind != format::ScanKind::need_window) co_return std::move(step);
        MARS_CO_TRY_VOID(co_await read_window());
    }
}

env::task<result<void>> LogReader::read_window() {
    const std::size_t bytes = std::min<std::uint64_t>(kWindowBytes, scanner_.end() - scanner_.position());
    // Writes in flight may still use the old window.
    std::shared_ptr<std::byte> window(new std::byte[bytes], std::default_delete<std::byte[]>());
    MARS_CO_TRY(const std::size_t got, co_await file_->read(scanner_.position(), std::span(window.get(), bytes)));
    window_ = std::move(window);
    scanner_.feed(std::span(window_.get(), got));
    co_return result<void>();
}

Piece LogReader::share(const format::ScannedRecord& record) const {
    Piece piece;
    const auto* data = record.payload.data();
    piece.data = record.decompressed ? std::shared_ptr<const std::byte>(record.decompressed, data)
                                     : std::shared_ptr<const std::byte>(window_, data);
    piece.bytes = record.payload.size();
    return piece;
}

env::task<result<LogEnd>> scan_to_end(env::Env& env, std::string path, std::uint64_t start,
                                      format::ScanOptions options) {
    auto status = env.storage().status(path);
    if (!status) co_return status.error().with("log");
    auto opened = co_await LogReader::open(env, path, start, status->size, options);
    if (!opened) co_return opened.error();
    LogEnd end;
    for (;;) {
        auto found = co_await (*opened)->next();
        if (!found && found.error().is(std::errc::io_error)) {
            end.position = (*opened)->position();
            end.tail = LogTail::unreadable;
            end.stop.problem = found.error().text;
            co_return std::move(end);
        }
        if (!found) co_return found.error();
        auto step = *std::move(found);
        if (step.kind == format::ScanKind::record) {
            ++end.records;
            continue;
        }
        end.position = step.position;
        if (step.kind == format::ScanKind::end_of_file || step.kind == format::ScanKind::incomplete)
            end.tail = LogTail::torn;
        else if (step.kind != format::ScanKind::finished)
            end.tail = LogTail::defect;
        end.stop = std::move(step);
        co_return std::move(end);
    }
}

} // namespace mars::block
