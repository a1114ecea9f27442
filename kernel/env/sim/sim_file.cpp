// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/sim_file.hpp"

#include <algorithm>
#include <cerrno>

#include "kernel/env/sim/machine.hpp"

namespace mars::env::sim {

using namespace std::chrono_literals;

namespace {

failure cancelled() {
    return errno_failure(ECANCELED, "interrupted");
}

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

} // namespace

task<bool> spend(Process& process, Operation operation, std::string path, Faults::Verdict verdict, Duration low,
                 Duration high) {
    auto& faults = process.machine().filesystem().faults();
    if (!faults.is_empty()) co_await faults.wait(process.lot(), operation, std::move(path));
    const auto factor = static_cast<std::int64_t>(verdict.slower);
    const bool lives = co_await latency(process, low * factor, high * factor);
    co_return lives;
}

SimFile::SimFile(Process& process, std::string path, std::shared_ptr<Inode> inode, bool exclusive, bool writable)
    : process_(process), path_(std::move(path)), inode_(std::move(inode)), exclusive_(exclusive), writable_(writable),
      boots_(inode_->boots) {
    ++inode_->openers;
    if (exclusive_) ++inode_->exclusive_openers;
}

SimFile::~SimFile() {
    if (inode_->boots != boots_) return;
    --inode_->openers;
    if (exclusive_) --inode_->exclusive_openers;
}

Filesystem& SimFile::filesystem() const {
    return process_.machine().filesystem();
}

Faults::Verdict SimFile::judge(Operation operation) const {
    auto verdict = filesystem().judge(operation, path_);
    if (inode_->is_gone) verdict.error = EIO;
    return verdict;
}

result<std::size_t> SimFile::copy(std::uint64_t offset, std::span<std::byte> into) const {
    const auto& content = inode_->current;
    if (offset >= content.size()) return std::size_t(0);
    const auto length = std::min<std::size_t>(into.size(), content.size() - offset);
    if (!inode_->can_read(offset, length)) return errno_failure(EIO, path_);
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), length, into.begin());
    return length;
}

task<result<std::size_t>> SimFile::read(std::uint64_t offset, std::span<std::byte> into) {
    const auto verdict = judge(Operation::read);
    std::size_t first = 0;
    if (verdict.is_in_parts && into.size() > 1) {
        if (!co_await spend(process_, Operation::read, path_, verdict, 20us, 200us)) co_return cancelled();
        const auto got = copy(offset, into.first(1 + process_.random().below(into.size() - 1)));
        if (!got) co_return got.error();
        first = *got;
    }
    if (verdict.error != 0) co_return errno_failure(verdict.error, path_);
    if (!co_await spend(process_, Operation::read, path_, verdict, 20us, 200us)) co_return cancelled();
    const auto got = copy(offset + first, into.subspan(first));
    if (!got) co_return got.error();
    co_return first + *got;
}

result<void> SimFile::put(std::uint64_t offset, std::span<const std::byte> data) {
    MARS_TRY_VOID(filesystem().write(*inode_, path_, offset, data));
    inode_->mtime = process_.machine().real_time();
    return {};
}

task<result<void>> SimFile::write(std::uint64_t offset, std::span<const std::byte> data) {
    if (!writable_) co_return errno_failure(EBADF, path_);
    const auto verdict = judge(Operation::write);
    auto& faults = filesystem().faults();
    if (!faults.is_empty()) co_await faults.wait(process_.lot(), Operation::write, path_);
    const std::size_t unit = inode_->is_device ? kSector : 1; // a device writes whole sectors, or nothing of them
    if (verdict.is_in_parts && data.size() > unit) {
        const auto part = (1 + process_.random().below((data.size() - 1) / unit)) * unit;
        const auto written = put(offset, data.first(part));
        if (!written) co_return written.error();
        if (!co_await spend(process_, Operation::write, path_, verdict, 20us, 300us)) co_return cancelled();
        offset += part;
        data = data.subspan(part);
    }
    if (verdict.error != 0) co_return errno_failure(verdict.error, path_);
    const auto written = put(offset, data);
    if (!written) co_return written.error();
    if (!co_await spend(process_, Operation::write, path_, verdict, 20us, 300us)) co_return cancelled();
    co_return result<void>();
}

task<result<void>> SimFile::sync_data() {
    const auto mark = filesystem().data_mark();
    const auto verdict = judge(Operation::sync);
    if (!co_await spend(process_, Operation::sync, path_, verdict, 200us, 3ms)) co_return cancelled();
    if (verdict.error != 0) {
        filesystem().lose_data(*inode_, mark);
        co_return errno_failure(verdict.error, path_);
    }
    if (!verdict.is_hollow) filesystem().make_data_durable(*inode_, mark);
    co_return result<void>();
}

task<result<void>> SimFile::resize(std::uint64_t size) {
    const auto verdict = judge(Operation::write);
    if (verdict.error != 0) co_return errno_failure(verdict.error, path_);
    auto done = filesystem().resize(*inode_, path_, size, process_.machine().real_time());
    if (!done) co_return done.error();
    if (!co_await spend(process_, Operation::write, path_, verdict, 20us, 100us)) co_return cancelled();
    co_return result<void>();
}

} // namespace mars::env::sim
