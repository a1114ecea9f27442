// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/sim_storage.hpp"

#include <cerrno>

#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/sim_file.hpp"
#include "kernel/env/sim/sim_watch.hpp"

namespace mars::env::sim {

namespace {

using namespace std::chrono_literals;

failure interrupted() {
    return errno_failure(ECANCELED, "interrupted");
}

class SimStorage final : public Storage {
  public:
    explicit SimStorage(Process& process) : process_(process) {}

    task<result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) override {
        const auto verdict = filesystem().judge(Operation::open, path);
        if (!filesystem().faults().is_empty()) {
            const bool lives = co_await spend(process_, Operation::open, path, verdict, 0us, 20us);
            if (!lives) co_return interrupted();
        }
        if (verdict.error != 0) co_return errno_failure(verdict.error, path);
        auto* node = filesystem().find(path);
        if (node && node->kind == FileKind::symlink) {
            if (!mode.follow) co_return errno_failure(ELOOP, path);
            path = node->target;
            node = filesystem().find(path);
        }
        if (node && mode.create && mode.exclusive) co_return errno_failure(EEXIST, path);
        if (node && !node->inode) co_return errno_failure(EISDIR, path);
        if (!node) {
            if (!mode.create) co_return errno_failure(ENOENT, path);
            Node fresh;
            fresh.kind = FileKind::regular;
            fresh.inode = std::make_shared<Inode>();
            fresh.inode->number = fresh.number = filesystem().new_number();
            fresh.inode->mtime = process_.machine().real_time();
            auto made = filesystem().change(Operation::create, path, fresh);
            if (!made) co_return made.error();
            node = filesystem().find(path);
        }
        auto inode = node->inode;
        const bool exclusive = mode.exclusive && !mode.create;
        if (exclusive && inode->exclusive_openers > 0) {
            failure busy(std::errc::device_or_resource_busy, path + " is in use (mounted, or held by another program)");
            co_return busy;
        }
        std::unique_ptr<File> file = std::make_unique<SimFile>(process_, path, inode, exclusive, mode.write);
        co_return file;
    }

    result<SymlinkValue> read_symlink(const std::string& path) const override {
        ++filesystem().looks;
        MARS_TRY_VOID(look(path));
        auto* node = filesystem().find(path);
        if (!node) return errno_failure(ENOENT, path);
        if (node->kind != FileKind::symlink) return errno_failure(EINVAL, path);
        return SymlinkValue{node->target, node->mtime};
    }

    result<void> write_symlink(const std::string& path, const std::string& temporary, const std::string& value,
                               Stamp mtime) override {
        Node link;
        link.kind = FileKind::symlink;
        link.target = value;
        link.mtime = mtime;
        link.number = filesystem().new_number();
        MARS_TRY_VOID(filesystem().change(Operation::symlink, temporary, link));
        return filesystem().move(temporary, path);
    }

    result<FileStatus> status(const std::string& path) const override {
        ++filesystem().looks;
        MARS_TRY_VOID(look(path));
        auto* node = filesystem().find(path);
        if (!node) return errno_failure(ENOENT, path);
        FileStatus status;
        status.kind = node->kind;
        status.size = node->inode ? node->inode->current.size() : node->target.size();
        status.mtime = node->inode ? node->inode->mtime : node->mtime;
        status.inode = node->number;
        return status;
    }

    result<std::vector<DirectoryEntry>> list(const std::string& directory) const override {
        ++filesystem().looks;
        MARS_TRY_VOID(look(directory));
        auto* node = filesystem().find(directory);
        if (!node) return errno_failure(ENOENT, directory);
        if (node->kind != FileKind::directory) return errno_failure(ENOTDIR, directory);
        std::vector<DirectoryEntry> entries;
        for (auto& name : filesystem().names_in(directory))
            entries.push_back({name, filesystem().find((directory == "/" ? "" : directory) + "/" + name)->kind});
        return entries;
    }

    result<void> make_directory(const std::string& path) override {
        if (auto* node = filesystem().find(path)) {
            if (node->kind == FileKind::directory) return {};
            return errno_failure(EEXIST, path);
        }
        Node directory;
        directory.kind = FileKind::directory;
        directory.mtime = process_.machine().real_time();
        directory.number = filesystem().new_number();
        return filesystem().change(Operation::create, path, directory);
    }

    result<void> remove(const std::string& path) override {
        auto* node = filesystem().find(path);
        if (node && node->kind == FileKind::directory) return errno_failure(EISDIR, path);
        return filesystem().change(Operation::remove, path, std::nullopt);
    }

    result<void> remove_directory(const std::string& path) override {
        if (!filesystem().names_in(path).empty()) return errno_failure(ENOTEMPTY, path);
        return filesystem().change(Operation::remove, path, std::nullopt);
    }

    result<void> rename(const std::string& from, const std::string& to) override { return filesystem().move(from, to); }

    result<SpaceInfo> space(const std::string& path) const override { return filesystem().space(path); }

    task<result<SpaceInfo>> measure_space(std::string path) const override {
        co_await filesystem().faults().wait(process_.lot(), Operation::look, path);
        co_return filesystem().space(path);
    }

    result<std::string> read_file(const std::string& path, std::size_t limit) const override {
        auto* content = filesystem().contents(path);
        if (!content) return errno_failure(ENOENT, path);
        if (const auto error = filesystem().judge(Operation::read, path).error) return errno_failure(error, path);
        if (content->size() > limit) return errno_failure(EFBIG, path);
        return std::string(reinterpret_cast<const char*>(content->data()), content->size());
    }

    result<void> write_file(const std::string& path, std::string_view content) override {
        MARS_TRY_VOID(touch_file(path, content));
        const auto verdict = filesystem().judge(Operation::sync_names, path);
        if (verdict.error != 0) return errno_failure(verdict.error, path);
        if (!verdict.is_hollow) filesystem().make_names_durable(filesystem().names_mark());
        return {};
    }

    result<void> touch_file(const std::string& path, std::string_view content) override {
        if (const auto error = filesystem().judge(Operation::write, path).error) return errno_failure(error, path);
        Node fresh;
        fresh.kind = FileKind::regular;
        fresh.inode = std::make_shared<Inode>();
        fresh.inode->number = fresh.number = filesystem().new_number();
        fresh.inode->mtime = process_.machine().real_time();
        auto bytes = std::as_bytes(std::span(content.data(), content.size()));
        fresh.inode->current.assign(bytes.begin(), bytes.end());
        fresh.inode->durable = fresh.inode->current;
        return filesystem().change(Operation::create, path, fresh);
    }

    task<result<void>> keep_file(std::string path, std::string content) override {
        const Faults::Verdict usual;
        const bool lives = co_await spend(process_, Operation::write, path, usual, 100us, 3ms);
        if (!lives) co_return interrupted();
        auto written = write_file(path, content);
        co_return written;
    }

    task<result<void>> sync_filesystem(std::string path) override {
        const auto mark = filesystem().names_mark();
        const auto verdict = filesystem().judge(Operation::sync_names, path);
        const bool lives = co_await spend(process_, Operation::sync_names, path, verdict, 500us, 8ms);
        if (!lives) co_return interrupted();
        if (verdict.error != 0) co_return errno_failure(verdict.error, path);
        if (!verdict.is_hollow) filesystem().make_names_durable(mark);
        co_return result<void>();
    }

    task<result<void>> sync_directory(std::string path) override { return sync_filesystem(std::move(path)); }

    result<std::unique_ptr<DirectoryWatch>> watch() override {
        return std::unique_ptr<DirectoryWatch>(std::make_unique<SimWatch>(process_));
    }

  private:
    Filesystem& filesystem() const { return process_.machine().filesystem(); }
    result<void> look(const std::string& path) const {
        auto& faults = filesystem().faults();
        const auto error = faults.is_empty() ? 0 : faults.judge(Operation::look, path).error;
        if (error != 0) return errno_failure(error, path);
        return {};
    }

    Process& process_;
};

} // namespace

std::unique_ptr<Storage> make_storage(Process& process) {
    return std::make_unique<SimStorage>(process);
}

} // namespace mars::env::sim
