// SPDX-License-Identifier: GPL-2.0-or-later
// Disk: the backing store of a resource: a block device or a (sparse) regular file, opened exclusively and directly.
// Runs on: the resource's io_context. Owns: the open file; at most one Disk per backing store.
// Callers need not align: requests that are not whole 4096-byte blocks, or whose memory is not aligned, go through a
// bounce buffer; partly covered blocks are read, changed and written under BlockLocks.
// Where the store refuses direct I/O (tmpfs), all requests go through the page cache as they are.
// Tests: tests/unit/block/disk_test.cpp.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "kernel/block/aligned_buffer.hpp"
#include "kernel/block/block_locks.hpp"
#include "kernel/block/device.hpp"
#include "kernel/env/env.hpp"

namespace mars::block {

class Disk final : public Device {
  public:
    // Opens `path` (a final symlink is followed). With `size` the store must hold at least that many bytes and the
    // device has exactly that size; without, it is as large as the store. The size must be a multiple of 512.
    // Errors: the errno of opening it (EBUSY: mounted or used by somebody else), errc::invalid_argument for the size.
    static env::task<result<std::unique_ptr<Disk>>> open(env::Env& env, std::string path,
                                                         std::optional<std::uint64_t> size = std::nullopt);

    std::uint64_t size() const override { return size_; }
    env::task<result<void>> read(std::uint64_t offset, std::span<std::byte> into) override;
    env::task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data, bool fua) override;
    // Completed writes become durable, also against the loss of the store's own volatile cache.
    env::task<result<void>> flush() override;

    // Makes the device larger, after the store has grown. Never smaller: errc::invalid_argument.
    env::task<result<void>> grow(std::uint64_t size);

    // The store has failed a request lately for another reason than a lack of space. It may have come back as another
    // one, which only opening it anew can tell.
    bool is_suspect() const { return is_suspect_; }
    // It is the same store as before: nothing is known against it.
    void trust_again() { is_suspect_ = false; }
    // From now on, requests go to the store of `other`, which has the content that was flushed here: this one's is
    // gone. What is under way there fails; and, with `is_in_use`, so does the next flush(), because what was written
    // since the one before has to be written again. Errors: it is of another size.
    result<void> continue_on(Disk& other, bool is_in_use);

    const std::string& path() const { return path_; }
    // How long the store has not answered its oldest request that is under way; 0: there is none.
    Duration waited() const { return pending_.empty() ? Duration{} : env_.clock().steady() - pending_.front(); }
    bool is_direct() const { return is_direct_; }

  private:
    using StoreFile = std::shared_ptr<env::File>;
    Disk(env::Env& env, std::string path) : env_(env), path_(std::move(path)), locks_(env.lot()) {}

    env::task<result<void>> open_store();
    env::task<result<void>> measure();
    result<void> set_size(std::optional<std::uint64_t> wanted);

    bool covers_blocks(std::uint64_t offset, std::size_t bytes) const;
    env::task<result<void>> write_through_bounce(std::uint64_t offset, std::span<const std::byte> data);
    env::task<result<void>> load(std::uint64_t offset, std::span<std::byte> into);
    env::task<result<void>> load_part(StoreFile file, std::uint64_t offset, std::span<std::byte> into);
    env::task<result<void>> store(std::uint64_t offset, std::span<const std::byte> data);
    env::task<result<void>> write_file(StoreFile file, std::uint64_t offset, std::span<const std::byte> data);
    // What came of a request of that store.
    result<void> noted(const StoreFile& file, result<void> outcome);

    struct Pending { // one request of the store
        explicit Pending(Disk& d)
            : disk(d), place(disk.pending_.insert(disk.pending_.end(), disk.env_.clock().steady())) {}
        Pending(const Pending&) = delete;
        Pending& operator=(const Pending&) = delete;
        ~Pending() { disk.pending_.erase(place); }
        Disk& disk;
        std::list<Duration>::iterator place;
    };

    env::Env& env_;
    std::string path_;
    std::list<Duration> pending_; // when the requests under way began, in this order
    StoreFile file_;              // shared with the requests under way
    // A store's last block may be incomplete (its capacity is a multiple of 512 only). Direct I/O cannot reach it: it
    // is always accessed through this buffered file, and never through file_, so the two never see different data.
    StoreFile tail_file_;
    std::uint64_t tail_begin_ = 0;
    std::uint64_t capacity_ = 0;
    std::uint64_t size_ = 0;
    bool is_direct_ = true;
    bool is_suspect_ = false;
    bool has_lost_ = false; // what was written since the last flush
    BlockLocks locks_;
};

} // namespace mars::block
