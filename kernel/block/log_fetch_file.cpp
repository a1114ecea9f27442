// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/log_fetch_file.hpp"

#include <algorithm>

#include "kernel/format/marker_values.hpp"

namespace mars::block {

result<std::optional<std::uint64_t>> FetchedLog::local_length(env::Env& env, const std::string& directory,
                                                              const format::LogName& name) {
    auto path = directory + "/" + name.text();
    auto status = env.storage().status(path);
    if (!status && status.error().is(std::errc::no_such_file_or_directory)) return std::optional<std::uint64_t>();
    if (!status) return status.error();
    if (status->kind == env::FileKind::regular) return std::optional<std::uint64_t>(status->size);
    if (status->kind == env::FileKind::symlink) {
        MARS_TRY(env::SymlinkValue link, env.storage().read_symlink(path));
        if (link.value == format::kDeleted) return std::optional<std::uint64_t>();
    }
    return failure(std::errc::file_exists, path + " is neither a log nor a deleted one; move it away");
}

env::task<result<std::unique_ptr<FetchedLog>>> FetchedLog::open(env::Env& env, std::string directory,
                                                                format::LogName name) {
    MARS_CO_TRY(std::optional<std::uint64_t> length, local_length(env, directory, name));
    std::unique_ptr<FetchedLog> log(new FetchedLog(env, directory + "/" + name.text(), name));
    env::OpenMode mode;
    mode.write = true;
    if (!length) {
        mode.create = mode.exclusive = true;
        if (env.storage().status(log->path_)) MARS_CO_TRY_VOID(env.storage().remove(log->path_));
    }
    MARS_CO_TRY(log->file_, co_await env.storage().open(log->path_, mode));
    MARS_CO_TRY(log->length_, log->file_->size());
    // An earlier life may have ended before its sync.
    MARS_CO_TRY_VOID(co_await log->file_->sync_data());
    MARS_CO_TRY_VOID(co_await env.storage().sync_filesystem(directory));
    log->durable_length_ = log->length_;
    co_return std::move(log);
}

// What is replayed already is compared, too, as far as the window reaches: another history of the same length must not
// be continued. A piece begins at `verified`, so that a torn end is told from a difference below.
std::uint64_t FetchedLog::first_checked(std::uint64_t verified, std::uint64_t window) const {
    if (verified >= length_ || verified <= window) return window;
    return verified - (verified - window) / kTailPieceBytes * kTailPieceBytes;
}

env::task<result<FetchRequest>> FetchedLog::make_request(std::uint64_t verified) {
    FetchRequest request;
    request.log = name_;
    request.offset = length_;
    auto window = length_ - std::min(length_, kFetchBatchBytes);
    request.checked_from = first_checked(verified, window);
    std::vector<std::byte> piece(kTailPieceBytes);
    for (auto from = request.checked_from; from < length_; from += kTailPieceBytes) {
        auto part = std::span(piece).first(static_cast<std::size_t>(std::min(kTailPieceBytes, length_ - from)));
        MARS_CO_TRY(std::size_t got, co_await file_->read(from, part));
        if (got < part.size()) co_return failure(std::errc::io_error, path_ + " has become shorter meanwhile");
        request.tail.push_back(xxh3_128(part));
    }
    co_return request;
}

env::task<result<void>> FetchedLog::cut(std::uint64_t length) {
    MARS_CO_TRY_VOID(co_await file_->resize(length));
    MARS_CO_TRY_VOID(co_await file_->sync_data());
    length_ = durable_length_ = length;
    co_return result<void>();
}

result<void> FetchedLog::check_place() const {
    const auto status = env_.storage().status(path_);
    if (status && status->kind == env::FileKind::regular && status->size >= durable_length_) return {};
    return failure(std::errc::io_error, path_ + " has been removed or made shorter by others: expected " +
                                            std::to_string(durable_length_) + " bytes, found " +
                                            (status ? std::to_string(status->size) : std::string("nothing")) +
                                            "; it is fetched anew");
}

env::task<result<void>> FetchedLog::append(std::span<const std::byte> data) {
    auto written = co_await file_->write(length_, data);
    if (!written) co_return co_await give_up(written.error());
    length_ += data.size();
    co_return result<void>();
}

env::task<result<void>> FetchedLog::sync() {
    auto target = length_;
    auto synced = co_await file_->sync_data();
    if (!synced) co_return co_await give_up(synced.error());
    durable_length_ = target;
    co_return result<void>();
}

// What was appended since the last sync may be on the disk or not, whatever the page cache says: take it out of the
// file. If not even that works, the next fetch compares the tail.
env::task<failure> FetchedLog::give_up(failure why) {
    if (why.is(std::errc::operation_canceled)) co_return why;
    (void)co_await file_->resize(durable_length_);
    if (why.is(std::errc::no_space_on_device))
        co_return failure(why.code, "no space left for " + path_ + " at " + std::to_string(durable_length_) +
                                        " bytes; make room on that filesystem, e.g. by marsadm log-delete-all");
    co_return why.with(path_);
}

} // namespace mars::block
