// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/log_file.hpp"

#include <algorithm>
#include <vector>

#include "kernel/format/marker_values.hpp"

namespace mars::block {

namespace {

constexpr std::size_t kCopyBytes = std::size_t(1) << 20;

failure occupied(const std::string& path, const std::string& found) {
    return failure(std::errc::file_exists,
                   "log " + path + ": expected nothing, or an empty log, found " + found + "; use the next number");
}

// Makes room for a new file: removes a `.deleted` symlink. Returns whether a file must be created.
result<bool> clear_name(env::Storage& storage, const std::string& path) {
    auto status = storage.status(path);
    if (!status && status.error().is(std::errc::no_such_file_or_directory)) return true;
    if (!status) return status.error().with("log");
    if (status->kind == env::FileKind::regular) {
        if (status->size == 0) return false;
        return occupied(path, std::to_string(status->size) + " bytes");
    }
    if (status->kind != env::FileKind::symlink) return occupied(path, "something that is no log");
    MARS_TRY(auto link, storage.read_symlink(path));
    if (link.value != format::kDeleted) return occupied(path, "a symlink to " + link.value);
    MARS_TRY_VOID(storage.remove(path));
    return true;
}

} // namespace

env::task<result<LogFile>> LogFile::create(env::Env& env, std::string directory, format::LogName name) {
    std::string path = directory + "/" + name.text();
    LogFile log(env, std::move(name), std::move(path));
    MARS_CO_TRY(const bool fresh, clear_name(env.storage(), log.path_));
    env::OpenMode mode;
    mode.write = true;
    mode.create = mode.exclusive = fresh;
    auto opened = co_await env.storage().open(log.path_, mode);
    if (!opened) co_return opened.error().with("log");
    log.file_ = *std::move(opened);
    MARS_CO_TRY(const std::uint64_t size, log.file_->size());
    if (size != 0) co_return occupied(log.path_, std::to_string(size) + " bytes");
    MARS_CO_TRY_VOID(co_await env.storage().sync_filesystem(directory));
    MARS_CO_TRY(const auto status, env.storage().status(log.path_));
    log.inode_ = status.inode;
    co_return std::move(log);
}

env::task<result<void>> LogFile::keep_place() {
    const auto status = env_->storage().status(path_);
    if (status && status->inode == inode_ && status->size == end_) co_return result<void>();
    if (!status && status.error().is(std::errc::no_such_file_or_directory)) co_return co_await write_anew();
    if (!status) co_return status.error().with("log");
    const bool is_other = status->inode != inode_;
    co_return failure(std::errc::io_error, "log " + path_ + " was " + (is_other ? "replaced" : "truncated") +
                                               " under marsd: expected its " + std::to_string(end_) + " bytes, found " +
                                               (is_other ? "another file" : std::to_string(status->size)) +
                                               "; nothing more is acknowledged into it; next: close the device, so "
                                               "that a new log begins; replicas that lack its records need invalidate");
}

env::task<result<void>> LogFile::write_anew() {
    env_->log().error("log " + path_ + " was removed under marsd: writing it anew (" + std::to_string(end_) +
                      " bytes); next: find out who removes files in /mars, and use marsadm log-delete-all for that");
    env::OpenMode mode;
    mode.write = mode.create = mode.exclusive = true;
    auto opened = co_await env_->storage().open(path_, mode);
    if (!opened) co_return opened.error().with("log");
    auto file = *std::move(opened);
    std::vector<std::byte> piece(kCopyBytes);
    for (std::uint64_t done = 0; done < end_;) {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), end_ - done));
        MARS_CO_TRY(const std::size_t got, co_await file_->read(done, std::span(piece).first(count)));
        if (got < count)
            co_return failure(std::errc::io_error, "log " + path_ + " was removed and truncated under marsd");
        MARS_CO_TRY_VOID(co_await file->write(done, std::span<const std::byte>(piece).first(count)));
        done += count;
    }
    MARS_CO_TRY_VOID(co_await file->sync_data());
    MARS_CO_TRY_VOID(co_await env_->storage().sync_filesystem(path_.substr(0, path_.rfind('/'))));
    MARS_CO_TRY(const auto status, env_->storage().status(path_));
    inode_ = status.inode;
    file_ = std::move(file);
    co_return result<void>();
}

env::task<result<void>> LogFile::append(std::span<const std::byte> data) {
    auto written = co_await file_->write(end_, data);
    if (!written) co_return written.error().with("log " + path_);
    end_ += data.size();
    co_return result<void>();
}

env::task<result<void>> LogFile::cut(std::uint64_t length) {
    auto cut = co_await file_->resize(length);
    if (cut) cut = co_await file_->sync_data();
    if (!cut) co_return cut.error().with("log " + path_ + " cannot be cut to its " + std::to_string(length) + " bytes");
    co_return result<void>();
}

env::task<result<void>> LogFile::sync() {
    auto synced = co_await file_->sync_data();
    if (!synced) co_return synced.error().with("log " + path_);
    co_return result<void>();
}

} // namespace mars::block
