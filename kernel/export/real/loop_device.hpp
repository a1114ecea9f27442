// SPDX-License-Identifier: GPL-2.0-or-later
// Loop devices as the kernel offers them. All functions here block, some until I/O through the loop device's file has
// been answered: call them on the pool, never on the thread that serves that file. They reach the device by a node of
// their own, `node`, which exists only meanwhile: in a container /dev/loopN may not exist, and somebody may have
// removed the public one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "kernel/base/result.hpp"
#include "kernel/env/real/fd.hpp"

namespace mars::exports {

// A loop device and the file that it had when we attached it: the number alone may belong to somebody else by now.
struct LoopId {
    int number = -1;
    std::uint64_t file_device = 0;
    std::uint64_t file_inode = 0;

    dev_t device() const;
    std::string text() const { return "/dev/loop" + std::to_string(number); }
};

// Makes a free loop device of `file` (O_DIRECT where possible, no partitions, logical blocks of 512 bytes) and `node` a
// block device node of it; an old node there is replaced. `claimed` is called with the number before it is attached,
// and again when another one has to be tried; its failure ends the attempt.
result<LoopId> attach_loop(const std::string& file, const std::string& node,
                           const std::function<result<void>(const LoopId&)>& claimed);

// An opener of ours: as long as it is open, a detach by somebody else (losetup -d, losetup -D) only marks the device,
// and its number cannot become anybody else's. Closing the last opener may need answers from the file: never on the
// thread that serves it. Errors: the device is not ours any more.
result<env::UniqueFd> hold_loop(const LoopId& loop, const std::string& node);

// Takes back a detach by somebody else, which waits for our opener `held` only. Result: whether there was one. Errors:
// the device is not ours any more.
result<bool> keep_attached(int held, const LoopId& loop);

enum class LoopState { gone, busy };

// Writes back what is cached, and detaches unless somebody else has it open (mounts and other holders included):
// then `busy`, and nothing has changed. A failed write-back is a failure, and leaves it attached. `held` is closed.
result<LoopState> try_detach_loop(const LoopId& loop, const std::string& node, env::UniqueFd& held);

// Detaches now or, when others have it open, after the last of them has closed it. For files that nobody serves any
// more: no write-back. Result: whether others still have it open.
result<LoopState> abandon_loop(const LoopId& loop, const std::string& node);

// Makes the block device as large as `file`, its file, is now.
result<void> grow_loop(const LoopId& loop, const std::string& node, const std::string& file);

// The path of the loop device's file as the kernel tells it; empty when there is none.
std::string loop_backing_file(int number);

// Makes `path` a block device node, atomically, replacing a node or symlink (nothing else). Where nodes are forbidden:
// a symlink to /dev/loopN. Only for loop devices.
result<void> make_loop_node(const std::string& path, int number);
// Makes the node again when it is missing or shows something else. Result: whether that was so. Errors: something that
// is no node is at its place (errc::file_exists).
result<bool> keep_loop_node(const std::string& path, const LoopId& loop);
// Removes a block device node or symlink; none is fine, anything else a failure.
result<void> remove_loop_node(const std::string& path);

} // namespace mars::exports
