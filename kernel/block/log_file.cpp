// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/log_file.hpp"

#include "kernel/tree/view.hpp"

namespace mars::block {

namespace {

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
    if (link.value != tree::kDeleted) return occupied(path, "a symlink to " + link.value);
    MARS_TRY_VOID(storage.remove(path));
    return true;
}

} // namespace

env::task<result<LogFile>> LogFile::create(env::Env& env, std::string directory, format::LogName name) {
    std::string path = directory + "/" + name.text();
    LogFile log(std::move(name), std::move(path));
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
    co_return std::move(log);
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
