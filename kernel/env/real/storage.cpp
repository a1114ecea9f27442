// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/storage.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "kernel/env/real/directory_watch.hpp"
#include "kernel/env/real/file.hpp"
#include "kernel/env/real/threaded_reads.hpp"

namespace mars::env {

namespace {

FileKind kind_of(mode_t mode) {
    if (S_ISREG(mode)) return FileKind::regular;
    if (S_ISDIR(mode)) return FileKind::directory;
    if (S_ISLNK(mode)) return FileKind::symlink;
    if (S_ISBLK(mode)) return FileKind::block_device;
    return FileKind::other;
}

Stamp stamp_of(const timespec& t) {
    return {t.tv_sec, t.tv_nsec};
}

std::string parent_of(const std::string& path) {
    auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

result<void> checked(int returned, const std::string& what) {
    if (returned < 0) return errno_failure(errno, what);
    return {};
}

result<UniqueFd> open_fd(const std::string& path, int flags, mode_t mode = 0) {
    UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd) return errno_failure(errno, "cannot open " + path);
    return fd;
}

// Opens `path` and applies one of the sync calls; blocks.
result<void> sync_path(const std::string& path, int flags, int (*call)(int)) {
    MARS_TRY(auto fd, open_fd(path, flags | O_RDONLY));
    return checked(call(fd.get()), "cannot sync " + path);
}

result<void> write_all(int fd, std::string_view content, const std::string& path) {
    while (!content.empty()) {
        auto count = ::write(fd, content.data(), content.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno_failure(errno, "cannot write " + path);
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

result<void> write_temporary(const std::string& temporary, std::string_view content, bool durable) {
    (void)::unlink(temporary.c_str()); // a leftover; when it cannot go, the exclusive open says why
    MARS_TRY(auto fd, open_fd(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    MARS_TRY_VOID(write_all(fd.get(), content, temporary));
    if (!durable) return {};
    return checked(::fsync(fd.get()), "cannot sync " + temporary);
}

// `path`: what it is for, and what people know.
result<void> create_symlink(const std::string& temporary, const std::string& path, const std::string& value,
                            Stamp mtime) {
    int made = ::symlink(value.c_str(), temporary.c_str());
    if (made < 0 && errno == EEXIST) { // a leftover
        if (::unlink(temporary.c_str()) < 0 && errno != ENOENT)
            return errno_failure(errno, "cannot remove " + temporary);
        made = ::symlink(value.c_str(), temporary.c_str());
    }
    MARS_TRY_VOID(checked(made, "cannot create symlink " + path));
    timespec t{mtime.sec, mtime.nsec};
    timespec both[2] = {t, t};
    return checked(::utimensat(AT_FDCWD, temporary.c_str(), both, AT_SYMLINK_NOFOLLOW),
                   "cannot set the mtime of " + temporary);
}

struct DirCloser {
    void operator()(DIR* d) const { ::closedir(d); }
};

} // namespace

task<result<std::unique_ptr<File>>> RealStorage::open(std::string path, OpenMode mode) {
    auto work = [path = std::move(path), mode] { return open_file(path, mode); };
    MARS_CO_TRY(auto file, co_await pool_.run(std::move(work)));
    std::unique_ptr<File> opened = std::make_unique<RealFile>(std::move(file), io_, pool_);
    co_return std::move(opened);
}

// Value and stamp come from one inode: a rename over the name cannot mix two of them.
result<SymlinkValue> RealStorage::read_symlink(const std::string& path) const {
    UniqueFd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return errno_failure(errno, "cannot read symlink " + path);
    struct stat st {};
    if (::fstat(fd.get(), &st) < 0) return errno_failure(errno, "cannot stat " + path);
    if (!S_ISLNK(st.st_mode)) return failure(std::errc::invalid_argument, path + " is not a symlink");
    char value[PATH_MAX];
    auto length = ::readlinkat(fd.get(), "", value, sizeof value);
    if (length < 0) return errno_failure(errno, "cannot read symlink " + path);
    return SymlinkValue{std::string(value, static_cast<std::size_t>(length)), stamp_of(st.st_mtim)};
}

result<std::string> RealStorage::symlink_value(const std::string& path) const {
    char value[PATH_MAX];
    auto length = ::readlink(path.c_str(), value, sizeof value);
    if (length < 0) return errno_failure(errno, "cannot read symlink " + path);
    return std::string(value, static_cast<std::size_t>(length));
}

result<void> RealStorage::write_symlink(const std::string& path, const std::string& temporary, const std::string& value,
                                        Stamp mtime) {
    auto made = create_symlink(temporary, path, value, mtime);
    if (made) made = checked(::rename(temporary.c_str(), path.c_str()), "cannot rename " + temporary + " to " + path);
    if (!made) (void)::unlink(temporary.c_str()); // best effort: the failure above is what matters
    return made;
}

std::string RealStorage::identity(const std::string& path) const {
    struct stat st;
    if (::stat(path.c_str(), &st) != 0) return {};
    if (S_ISREG(st.st_mode)) return "inode=" + std::to_string(st.st_ino);
    if (!S_ISBLK(st.st_mode)) return {};
    const auto sys = "/sys/dev/block/" + std::to_string(major(st.st_rdev)) + ":" + std::to_string(minor(st.st_rdev));
    constexpr const char* sources[][2] = {
        {"partuuid", "uevent"},       {"dm", "dm/uuid"},           {"wwid", "wwid"},
        {"wwid", "device/wwid"},      {"serial", "device/serial"}, {"serial", "serial"},
        {"loop", "loop/backing_file"}};
    for (const auto& [name, file] : sources) {
        auto text = read_file(sys + "/" + file, 4096);
        if (!text) continue;
        if (std::string_view(file) == "uevent") {
            const auto at = text->find("PARTUUID=");
            if (at == std::string::npos) continue;
            *text = text->substr(at + 9);
        }
        auto line = text->substr(0, text->find('\n'));
        while (!line.empty() && line.back() == ' ') line.pop_back();
        if (line.empty()) continue;
        if (std::string_view(name) == "loop") // a part of a file is another disk than the file
            if (auto offset = read_file(sys + "/loop/offset", 64); offset && *offset != "0\n")
                line += " at " + offset->substr(0, offset->find('\n'));
        return std::string(name) + "=" + line;
    }
    return {};
}

result<FileStatus> RealStorage::status(const std::string& path) const {
    struct stat st {};
    if (::lstat(path.c_str(), &st) < 0) return errno_failure(errno, "cannot stat " + path);
    return FileStatus{kind_of(st.st_mode), static_cast<std::uint64_t>(st.st_size), stamp_of(st.st_mtim), st.st_ino};
}

namespace {

// Calls `use(handle, entry)` for each name but . and ..; it may fail.
template<class Use>
result<void> each_name(const std::string& directory, Use use) {
    std::unique_ptr<DIR, DirCloser> dir(::opendir(directory.c_str()));
    if (!dir) return errno_failure(errno, "cannot list " + directory);
    while (true) {
        errno = 0;
        auto* entry = ::readdir(dir.get());
        if (!entry && errno) return errno_failure(errno, "cannot list " + directory);
        if (!entry) return {};
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") MARS_TRY_VOID(use(::dirfd(dir.get()), *entry));
    }
}

} // namespace

result<std::vector<DirectoryEntry>> RealStorage::list(const std::string& directory) const {
    std::vector<DirectoryEntry> entries;
    auto look = [&](int handle, const dirent& entry) -> result<void> {
        struct stat st {};
        if (::fstatat(handle, entry.d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            entries.push_back({entry.d_name, kind_of(st.st_mode)});
        else if (errno != ENOENT) // removed meanwhile
            return errno_failure(errno, "cannot stat " + directory + "/" + entry.d_name);
        return {};
    };
    MARS_TRY_VOID(each_name(directory, look));
    return entries;
}

result<std::vector<DirectoryEntry>> RealStorage::scan(const std::string& directory) const {
    std::vector<DirectoryEntry> entries;
    auto add = [&](int, const dirent& entry) -> result<void> {
        entries.push_back({entry.d_name, kind_of(static_cast<mode_t>(DTTOIF(entry.d_type)))});
        return {};
    };
    MARS_TRY_VOID(each_name(directory, add));
    return entries;
}

std::unique_ptr<ReadAhead> RealStorage::read_ahead(std::vector<std::string> directories, ReadPattern pattern) const {
    return std::make_unique<ThreadedReads>(*this, std::move(directories), std::move(pattern));
}

result<void> RealStorage::make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    int error = errno;
    struct stat st {};
    if (error == EEXIST && ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return {};
    return errno_failure(error, "cannot create directory " + path);
}

result<void> RealStorage::remove(const std::string& path) {
    return checked(::unlink(path.c_str()), "cannot remove " + path);
}

result<void> RealStorage::remove_directory(const std::string& path) {
    return checked(::rmdir(path.c_str()), "cannot remove directory " + path);
}

result<void> RealStorage::rename(const std::string& from, const std::string& to) {
    return checked(::rename(from.c_str(), to.c_str()), "cannot rename " + from + " to " + to);
}

result<SpaceInfo> RealStorage::space(const std::string& path) const {
    struct statvfs fs {};
    if (::statvfs(path.c_str(), &fs) < 0) return errno_failure(errno, "cannot get the free space of " + path);
    SpaceInfo info;
    info.total_bytes = std::uint64_t{fs.f_blocks} * fs.f_frsize;
    info.available_bytes = std::uint64_t{fs.f_bavail} * fs.f_frsize;
    if (fs.f_files != 0) info.available_inodes = fs.f_favail; // btrfs counts none
    info.is_read_only = (fs.f_flag & ST_RDONLY) != 0;
    return info;
}

task<result<SpaceInfo>> RealStorage::measure_space(std::string path) const {
    auto work = [this, path = std::move(path)] { return space(path); };
    co_return co_await pool_.run(std::move(work));
}

result<std::string> RealStorage::read_file(const std::string& path, std::size_t limit) const {
    MARS_TRY(auto fd, open_fd(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    std::string content;
    char buffer[4096];
    while (true) {
        auto count = ::read(fd.get(), buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno_failure(errno, "cannot read " + path);
        if (count == 0) return content;
        content.append(buffer, static_cast<std::size_t>(count));
        if (content.size() > limit)
            return failure(std::errc::file_too_large, path + " is larger than " + std::to_string(limit) + " bytes");
    }
}

namespace {

result<void> replace_file(const std::string& path, std::string_view content, bool durable) {
    auto parent = parent_of(path);
    auto temporary = parent + "/.tmp." + std::to_string(::getpid()) + "." + path.substr(path.rfind('/') + 1);
    auto written = write_temporary(temporary, content, durable);
    if (written) written = checked(::rename(temporary.c_str(), path.c_str()), "cannot rename to " + path);
    if (!written) (void)::unlink(temporary.c_str()); // best effort: the failure above is what matters
    if (!written || !durable) return written;
    return sync_path(parent, O_DIRECTORY, ::fsync);
}

} // namespace

result<void> RealStorage::write_file(const std::string& path, std::string_view content) {
    return replace_file(path, content, true);
}

task<result<void>> RealStorage::keep_file(std::string path, std::string content) {
    auto work = [path = std::move(path), content = std::move(content)] { return replace_file(path, content, true); };
    co_return co_await pool_.run(std::move(work));
}

result<void> RealStorage::touch_file(const std::string& path, std::string_view content) {
    return replace_file(path, content, false);
}

std::shared_ptr<void> RealStorage::hold_blocks(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return nullptr;
    return {nullptr, [fd, pool = &pool_](std::nullptr_t) {
                pool->start_detached([fd] { ::close(fd); }); // the last close frees the blocks: seconds for a large log
            }};
}

task<result<void>> RealStorage::sync_filesystem(std::string path) {
    struct stat st {};
    if (::lstat(path.c_str(), &st) < 0) co_return errno_failure(errno, "cannot sync " + path);
    auto& rounds = syncs_[st.st_dev];
    if (!rounds) {
        auto sync = [this](std::string at) -> task<result<void>> {
            auto work = [at = std::move(at)] { return sync_path(at, O_NOFOLLOW, ::syncfs); };
            co_return co_await pool_.run(std::move(work));
        };
        rounds = std::make_shared<SyncRounds>(lot_, std::move(sync));
    }
    const auto kept = rounds; // the map may grow meanwhile
    auto done = co_await kept->run(std::move(path));
    co_return done;
}

task<result<void>> RealStorage::sync_directory(std::string path) {
    auto work = [path = std::move(path)] { return sync_path(path, O_DIRECTORY, ::fsync); };
    co_return co_await pool_.run(std::move(work));
}

result<std::unique_ptr<DirectoryWatch>> RealStorage::watch() {
    MARS_TRY(auto made, RealDirectoryWatch::create(context_));
    return std::unique_ptr<DirectoryWatch>(std::move(made));
}

} // namespace mars::env
