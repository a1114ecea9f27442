// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kernel/block/block_range.hpp"

namespace mars::block {

namespace {

env::OpenMode store_mode(bool direct, bool exclusive) {
    env::OpenMode mode;
    mode.write = true;
    mode.follow = true;
    mode.direct = direct;
    mode.exclusive = exclusive;
    return mode;
}

} // namespace

env::task<result<std::unique_ptr<Disk>>> Disk::open(env::Env& env, std::string path,
                                                    std::optional<std::uint64_t> size) {
    std::unique_ptr<Disk> disk(new Disk(env, std::move(path)));
    MARS_CO_TRY_VOID(co_await disk->open_store());
    MARS_CO_TRY_VOID(co_await disk->measure());
    MARS_CO_TRY_VOID(disk->set_size(size));
    co_return std::move(disk);
}

env::task<result<void>> Disk::open_store() {
    auto opened = co_await env_.storage().open(path_, store_mode(true, true));
    if (!opened && opened.error().is(std::errc::invalid_argument)) { // no direct I/O there
        is_direct_ = false;
        opened = co_await env_.storage().open(path_, store_mode(false, true));
    }
    if (!opened) co_return opened.error().with("disk");
    file_ = *std::move(opened);
    co_return result<void>();
}

// Learns the store's capacity, and opens the way to its last, incomplete block if it has one.
env::task<result<void>> Disk::measure() {
    auto capacity = file_->size();
    if (!capacity) co_return capacity.error().with("disk");
    if (is_direct_ && *capacity % kBlockBytes != 0 && !tail_file_) {
        auto opened = co_await env_.storage().open(path_, store_mode(false, false));
        if (!opened) co_return opened.error().with("disk");
        tail_file_ = *std::move(opened);
    }
    capacity_ = *capacity;
    tail_begin_ = block_floor(capacity_);
    co_return result<void>();
}

result<void> Disk::set_size(std::optional<std::uint64_t> wanted) {
    const std::uint64_t size = wanted.value_or(capacity_);
    if (size % kSectorBytes != 0)
        return failure(std::errc::invalid_argument,
                       "disk " + path_ + ": expected a size in multiples of 512, found " + std::to_string(size));
    if (size > capacity_)
        return failure(std::errc::invalid_argument, "disk " + path_ + ": expected at least " + std::to_string(size) +
                                                        " bytes, found " + std::to_string(capacity_));
    size_ = size;
    return {};
}

env::task<result<void>> Disk::grow(std::uint64_t size) {
    if (size < size_)
        co_return failure(std::errc::invalid_argument, "disk " + path_ + ": expected at least its present size " +
                                                           std::to_string(size_) + ", found " + std::to_string(size));
    auto guard =
        locks_.enter(tail_begin_, capacity_ + 1, true); // nobody may write the last block while it changes hands
    while (locks_.must_wait(guard)) co_await locks_.wait();
    MARS_CO_TRY_VOID(co_await measure());
    co_return set_size(size);
}

// True when no block is covered only partly, so that nothing needs to be read before it can be written.
bool Disk::covers_blocks(std::uint64_t offset, std::size_t bytes) const {
    const std::uint64_t end = offset + bytes;
    return offset % kBlockBytes == 0 && (end % kBlockBytes == 0 || end == capacity_);
}

env::task<result<void>> Disk::read(std::uint64_t offset, std::span<std::byte> into) {
    MARS_CO_TRY_VOID(check_range(path_, size_, offset, into.size()));
    if (into.empty()) co_return result<void>();
    if (!is_direct_) co_return co_await load_part(file_, offset, into);
    if (covers_blocks(offset, into.size()) && is_block_aligned(into.data())) co_return co_await load(offset, into);

    const std::uint64_t begin = block_floor(offset);
    const std::uint64_t end = std::min(block_ceil(offset + into.size()), capacity_);
    AlignedBuffer bounce(end - begin);
    MARS_CO_TRY_VOID(co_await load(begin, bounce.first(end - begin)));
    std::memcpy(into.data(), bounce.data() + (offset - begin), into.size());
    co_return result<void>();
}

env::task<result<void>> Disk::write(std::uint64_t offset, std::span<const std::byte> data, bool fua) {
    MARS_CO_TRY_VOID(check_range(path_, size_, offset, data.size()));
    if (data.empty()) co_return result<void>();
    if (!is_direct_) {
        MARS_CO_TRY_VOID(co_await write_file(file_, offset, data));
    } else {
        const bool whole = covers_blocks(offset, data.size());
        auto guard = locks_.enter(offset, offset + data.size(), !whole);
        while (locks_.must_wait(guard)) co_await locks_.wait();
        if (whole && is_block_aligned(data.data())) {
            MARS_CO_TRY_VOID(co_await store(offset, data));
        } else {
            MARS_CO_TRY_VOID(co_await write_through_bounce(offset, data));
        }
    }
    if (fua) co_return co_await flush();
    co_return result<void>();
}

// Completes the first and the last block with what is on the disk, and writes whole blocks from aligned memory.
env::task<result<void>> Disk::write_through_bounce(std::uint64_t offset, std::span<const std::byte> data) {
    const std::uint64_t data_end = offset + data.size();
    const std::uint64_t begin = block_floor(offset);
    const std::uint64_t end = std::min(block_ceil(data_end), capacity_);
    const std::uint64_t last = block_floor(end - 1);
    AlignedBuffer bounce(end - begin);
    auto blocks = bounce.first(end - begin);
    if (begin != offset)
        MARS_CO_TRY_VOID(co_await load(begin, blocks.first(std::min<std::uint64_t>(kBlockBytes, end - begin))));
    if (end != data_end && (last != begin || begin == offset))
        MARS_CO_TRY_VOID(co_await load(last, blocks.subspan(last - begin)));
    std::memcpy(blocks.data() + (offset - begin), data.data(), data.size());
    co_return co_await store(begin, blocks);
}

env::task<result<void>> Disk::flush() {
    const Pending pending(*this);
    const auto file = file_; // same inode as tail_file_
    const bool has_lost = std::exchange(has_lost_, false);
    auto done = co_await file->sync_data();
    if (done && has_lost)
        done = failure(std::errc::io_error, "disk " + path_ + " was replaced by another one since the last flush");
    co_return noted(file, std::move(done));
}

// Reads from a block boundary to a block boundary or the capacity, into aligned memory.
env::task<result<void>> Disk::load(std::uint64_t offset, std::span<std::byte> into) {
    const std::uint64_t split = std::clamp(tail_begin_, offset, offset + into.size()) - offset;
    if (split > 0) MARS_CO_TRY_VOID(co_await load_part(file_, offset, into.first(split)));
    if (split == into.size()) co_return result<void>();
    co_return co_await load_part(tail_file_, offset + split, into.subspan(split));
}

env::task<result<void>> Disk::load_part(StoreFile file, std::uint64_t offset, std::span<std::byte> into) {
    const Pending pending(*this);
    auto got = co_await file->read(offset, into);
    if (got && *got == into.size()) co_return result<void>();
    if (got)
        got =
            failure(std::errc::io_error, "disk " + path_ + ": expected " + std::to_string(into.size()) + " bytes at " +
                                             std::to_string(offset) + ", found " + std::to_string(*got));
    co_return noted(file, result<void>(got.error()));
}

env::task<result<void>> Disk::store(std::uint64_t offset, std::span<const std::byte> data) {
    const std::uint64_t split = std::clamp(tail_begin_, offset, offset + data.size()) - offset;
    if (split > 0) MARS_CO_TRY_VOID(co_await write_file(file_, offset, data.first(split)));
    if (split == data.size()) co_return result<void>();
    co_return co_await write_file(tail_file_, offset + split, data.subspan(split));
}

env::task<result<void>> Disk::write_file(StoreFile file, std::uint64_t offset, std::span<const std::byte> data) {
    const Pending pending(*this);
    auto done = co_await file->write(offset, data);
    co_return noted(file, std::move(done));
}

// A store without space is the right one. What ends on a store that has been left says nothing of the present one, and
// is no success: what it took is not where the rest is.
result<void> Disk::noted(const StoreFile& file, result<void> outcome) {
    const bool is_left = file != file_ && file != tail_file_;
    if (is_left && outcome)
        return failure(std::errc::io_error, "disk " + path_ + " was replaced by another one meanwhile");
    if (is_left || outcome) return outcome;
    const auto& why = outcome.error();
    if (!why.is(std::errc::no_space_on_device) && why.code.value() != EDQUOT) is_suspect_ = true;
    return outcome;
}

result<void> Disk::continue_on(Disk& other, bool is_in_use) {
    if (other.capacity_ != capacity_ || other.is_direct_ != is_direct_)
        return failure(std::errc::invalid_argument,
                       "disk " + path_ + " has come back with " + std::to_string(other.capacity_) +
                           " bytes, expected " + std::to_string(capacity_) + " as before; next: detach, and attach it");
    file_ = std::move(other.file_);
    tail_file_ = std::move(other.tail_file_);
    is_suspect_ = false;
    has_lost_ = is_in_use;
    return {};
}

} // namespace mars::block
