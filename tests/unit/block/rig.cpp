// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/block/rig.hpp"

#include "kernel/block/aligned_buffer.hpp"

namespace mars::test {

using namespace mars::env;

namespace {

class StrictFile final : public File {
  public:
    StrictFile(std::unique_ptr<File> inner, bool direct) : inner_(std::move(inner)), direct_(direct) {}

    task<result<std::size_t>> read(std::uint64_t offset, std::span<std::byte> into) override {
        if (misaligned(offset, into.size(), into.data())) co_return errno_failure(EINVAL, "unaligned direct read");
        co_return co_await inner_->read(offset, into);
    }
    task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data) override {
        if (misaligned(offset, data.size(), data.data())) co_return errno_failure(EINVAL, "unaligned direct write");
        co_return co_await inner_->write(offset, data);
    }
    task<result<void>> sync_data() override { return inner_->sync_data(); }
    task<result<void>> resize(std::uint64_t size) override { return inner_->resize(size); }
    result<std::uint64_t> size() const override { return inner_->size(); }

  private:
    bool misaligned(std::uint64_t offset, std::size_t bytes, const std::byte* memory) const {
        return direct_ && (offset % block::kBlockBytes != 0 || bytes % block::kBlockBytes != 0 ||
                           !block::is_block_aligned(memory));
    }
    std::unique_ptr<File> inner_;
    bool direct_;
};

class StrictStorage final : public Storage {
  public:
    explicit StrictStorage(Storage& inner) : inner_(inner) {}

    task<result<std::unique_ptr<File>>> open(std::string path, OpenMode mode) override {
        auto opened = co_await inner_.open(std::move(path), mode);
        if (!opened) co_return opened.error();
        std::unique_ptr<File> strict = std::make_unique<StrictFile>(*std::move(opened), mode.direct);
        co_return strict;
    }
    result<SymlinkValue> read_symlink(const std::string& path) const override { return inner_.read_symlink(path); }
    result<void> write_symlink(const std::string& path, const std::string& temporary, const std::string& value,
                               Stamp mtime) override {
        return inner_.write_symlink(path, temporary, value, mtime);
    }
    result<FileStatus> status(const std::string& path) const override { return inner_.status(path); }
    result<std::vector<DirectoryEntry>> list(const std::string& directory) const override {
        return inner_.list(directory);
    }
    result<void> make_directory(const std::string& path) override { return inner_.make_directory(path); }
    result<void> remove(const std::string& path) override { return inner_.remove(path); }
    result<void> remove_directory(const std::string& path) override { return inner_.remove_directory(path); }
    result<void> rename(const std::string& from, const std::string& to) override { return inner_.rename(from, to); }
    result<SpaceInfo> space(const std::string& path) const override { return inner_.space(path); }
    result<std::string> read_file(const std::string& path, std::size_t limit) const override {
        return inner_.read_file(path, limit);
    }
    result<void> write_file(const std::string& path, std::string_view content) override {
        return inner_.write_file(path, content);
    }
    task<result<void>> sync_filesystem(std::string path) override { return inner_.sync_filesystem(std::move(path)); }
    task<result<void>> sync_directory(std::string path) override { return inner_.sync_directory(std::move(path)); }
    result<std::unique_ptr<DirectoryWatch>> watch() override { return inner_.watch(); }

  private:
    Storage& inner_;
};

} // namespace

StrictEnv::StrictEnv(Env& inner) : inner_(inner), storage_(std::make_unique<StrictStorage>(inner.storage())) {}
StrictEnv::~StrictEnv() = default;
Storage& StrictEnv::storage() {
    return *storage_;
}

void Rig::boot() {
    process = machine.start_process("test");
    env = std::make_unique<StrictEnv>(*process);
}

void Rig::halt() {
    if (process && !process->is_dead()) process->kill();
    env.reset();
    process.reset();
}

void Rig::run(task<void> t) {
    TaskGroup group(*env);
    group.spawn("test", std::move(t));
    const bool ended = world.run_until([&] { return group.live() == 0; }, 1h);
    if (!ended) process->kill(); // so that the group may go
    REQUIRE(ended);
}

std::vector<std::byte> random_bytes(Random& random, std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (auto& b : bytes) b = static_cast<std::byte>(random.next() & 0xff);
    return bytes;
}

} // namespace mars::test
