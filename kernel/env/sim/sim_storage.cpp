// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/sim_storage.hpp"

#include <algorithm>
#include <cerrno>

#include "kernel/env/sim/machine.hpp"

namespace mars::env::sim {

namespace {

using namespace std::chrono_literals;

failure cancelled() {
    return errno_failure(ECANCELED, "interrupted");
}

// Suspends for a random time in [low, high]; false when cancelled.
task<bool> latency(Process& process, Duration low, Duration high) {
    auto start = [&process, low, high](const std::shared_ptr<Waiter<bool>>& waiter) {
        std::weak_ptr<Waiter<bool>> weak = waiter;
        auto& world = process.machine().world();
        waiter->on_cancel = [weak] {
            if (auto strong = weak.lock()) strong->complete(false);
        };
        world.after(world.random().between(low, high), [weak] {
            if (auto strong = weak.lock()) strong->complete(true);
        });
    };
    co_return co_await park<bool>(process.lot(), start);
}

std::optional<failure> injected(Process& process, Operation operation, const std::string& path) {
    auto& fault = process.machine().filesystem().fault;
    if (fault)
        if (auto error = fault(operation, path)) return errno_failure(*error, path);
    return std::nullopt;
}

class SimFile final : public File {
  public:
    SimFile(Process& process, std::string path, std::shared_ptr<Inode> inode, bool exclusive, bool writable)
        : process_(process), path_(std::move(path)), inode_(std::move(inode)), exclusive_(exclusive),
          writable_(writable) {
        if (exclusive_) ++inode_->exclusive_openers;
    }
    ~SimFile() override {
        if (exclusive_ && inode_->exclusive_openers > 0) --inode_->exclusive_openers;
    }

    task<result<std::size_t>> read(std::uint64_t offset, std::span<std::byte> into) override {
        if (auto fault = injected(process_, Operation::read, path_)) co_return *fault;
        if (!co_await latency(process_, 20us, 200us)) co_return cancelled();
        const auto& content = inode_->current;
        if (offset >= content.size()) co_return std::size_t(0);
        const auto length = std::min<std::size_t>(into.size(), content.size() - offset);
        std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), length, into.begin());
        co_return length;
    }

    task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data) override {
        if (!writable_) co_return errno_failure(EBADF, path_);
        if (auto fault = injected(process_, Operation::write, path_)) co_return *fault;
        auto& filesystem = process_.machine().filesystem();
        auto written = filesystem.write(*inode_, path_, offset, data);
        if (!written) co_return written.error();
        inode_->mtime = process_.machine().real_time();
        if (!co_await latency(process_, 20us, 300us)) co_return cancelled();
        co_return result<void>();
    }

    task<result<void>> sync_data() override {
        auto& filesystem = process_.machine().filesystem();
        const auto mark = filesystem.data_mark();
        auto fault = injected(process_, Operation::sync, path_);
        if (!co_await latency(process_, 200us, 3ms)) co_return cancelled();
        if (fault) co_return *fault;
        process_.machine().filesystem().make_data_durable(*inode_, mark);
        co_return result<void>();
    }

    task<result<void>> resize(std::uint64_t size) override {
        if (auto fault = injected(process_, Operation::write, path_)) co_return *fault;
        auto done = process_.machine().filesystem().resize(*inode_, path_, size, process_.machine().real_time());
        if (!done) co_return done.error();
        if (!co_await latency(process_, 20us, 100us)) co_return cancelled();
        co_return result<void>();
    }

    result<std::uint64_t> size() const override { return std::uint64_t(inode_->current.size()); }

  private:
    Process& process_;
    std::string path_;
    std::shared_ptr<Inode> inode_;
    bool exclusive_;
    bool writable_;
};

class SimWatch final : public DirectoryWatch {
  public:
    explicit SimWatch(Process& process) : process_(process), event_(process.lot()), id_(next_id_++) {
        process_.machine().filesystem().watchers[id_] = [this](const std::string& directory, const std::string& name) {
            if (!directories_.contains(directory)) return;
            DirectoryChange change;
            change.directory = directory;
            change.name = name;
            note(std::move(change));
        };
    }
    ~SimWatch() override { process_.machine().filesystem().watchers.erase(id_); }

    result<void> add(const std::string& directory) override {
        auto* node = process_.machine().filesystem().find(directory);
        if (!node || node->kind != FileKind::directory) return errno_failure(ENOENT, directory);
        directories_.insert(directory);
        return {};
    }
    void remove(const std::string& directory) override { directories_.erase(directory); }

    task<result<std::vector<DirectoryChange>>> next() override {
        if (pending_.empty()) co_await event_.wait();
        co_return std::exchange(pending_, {});
    }
    std::vector<DirectoryChange> pending() override { return std::exchange(pending_, {}); }

  private:
    void note(DirectoryChange change) {
        const auto most = process_.machine().filesystem().most_watched;
        if (pending_.size() > most) return;
        if (pending_.size() == most) {
            change = DirectoryChange();
            change.overflow = true;
        }
        pending_.push_back(std::move(change));
        event_.notify();
    }

    static inline int next_id_ = 1; // orders watchers; never influences anything else
    Process& process_;
    Event event_;
    int id_;
    std::set<std::string> directories_;
    std::vector<DirectoryChange> pending_;
};

class SimStorage final : public Storage {
  public:
    explicit SimStorage(Process& process) : process_(process) {}

    task<result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) override {
        if (auto fault = injected(process_, Operation::open, path)) co_return *fault;
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
        const bool exclusive = mode.exclusive && inode->is_device;
        if (exclusive && inode->exclusive_openers > 0) {
            failure busy(std::errc::device_or_resource_busy, path + " is in use (mounted, or held by another program)");
            co_return busy;
        }
        std::unique_ptr<File> file = std::make_unique<SimFile>(process_, path, inode, exclusive, mode.write);
        co_return file;
    }

    result<SymlinkValue> read_symlink(const std::string& path) const override {
        ++filesystem().looks;
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

    result<SpaceInfo> space(const std::string&) const override { return filesystem().space(); }

    result<std::string> read_file(const std::string& path, std::size_t limit) const override {
        auto* content = filesystem().contents(path);
        if (!content) return errno_failure(ENOENT, path);
        if (content->size() > limit) return errno_failure(EFBIG, path);
        return std::string(reinterpret_cast<const char*>(content->data()), content->size());
    }

    result<void> write_file(const std::string& path, std::string_view content) override {
        MARS_TRY_VOID(touch_file(path, content));
        filesystem().make_names_durable(filesystem().names_mark());
        return {};
    }

    result<void> touch_file(const std::string& path, std::string_view content) override {
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
        const bool lives = co_await latency(process_, 100us, 3ms);
        if (!lives) co_return cancelled();
        auto written = write_file(path, content);
        co_return written;
    }

    task<result<void>> sync_filesystem(std::string path) override {
        const auto mark = filesystem().names_mark();
        auto fault = injected(process_, Operation::sync_names, path);
        if (!co_await latency(process_, 500us, 8ms)) co_return cancelled();
        if (fault) co_return *fault;
        filesystem().make_names_durable(mark);
        co_return result<void>();
    }

    task<result<void>> sync_directory(std::string path) override { return sync_filesystem(std::move(path)); }

    result<std::unique_ptr<DirectoryWatch>> watch() override {
        return std::unique_ptr<DirectoryWatch>(std::make_unique<SimWatch>(process_));
    }

  private:
    Filesystem& filesystem() const { return process_.machine().filesystem(); }
    Process& process_;
};

} // namespace

std::unique_ptr<Storage> make_storage(Process& process) {
    return std::make_unique<SimStorage>(process);
}

} // namespace mars::env::sim
