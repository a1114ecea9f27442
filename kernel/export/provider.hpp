// SPDX-License-Identifier: GPL-2.0-or-later
// Export: a Device as applications see it, e.g. as /dev/mars/NAME. Provider: a way to make exports; the real ones are
// tried in the order of a table (real/host_export.hpp), the simulation has its own.
// Runs on: the env's executor. The Device must outlive the Export.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kernel/base/result.hpp"
#include "kernel/block/device.hpp"
#include "kernel/env/env.hpp"

namespace mars::exports {

class Export {
  public:
    virtual ~Export() = default; // only after close() or abort() has ended, or try_close() has returned true

    // How many openers there are: open files, mounts, other holders in the kernel, clients. Looked at whenever
    // something may have changed, so it may lag by moments; only try_close() decides for sure.
    virtual int open_count() const = 0;
    // Notified after every change of open_count() or state().
    virtual env::Event& changed() = 0;
    // For people, e.g. "/dev/mars/mydata is /dev/loop3; NBD on /run/mars/mydata.nbd".
    virtual std::string state() const = 0;

    // Takes the device away unless somebody has it open; all that was written through it has then reached the Device.
    // False: somebody has it open, and nothing has changed for him.
    virtual env::task<result<bool>> try_close() = 0;
    // Waits until nobody has it open, and takes it away then. It can be opened until that moment. May be cancelled.
    virtual env::task<result<void>> close() = 0;
    // Takes it away from whoever has it open: he gets errors from now on. For the end of the program.
    virtual env::task<void> abort() = 0;
    // Puts right what others have done to it: a node that was removed or replaced is made again, a detach is taken
    // back. Result: what was done, for the log; empty: all was well. Failure: it is not ours any more, only abort()
    // remains; or something is in the way of its node (errc::file_exists), or of making the device anew: somebody has
    // open what is dead (errc::device_or_resource_busy).
    virtual env::task<result<std::string>> look_after() { co_return std::string(); }
    // Call it after the Device has grown: openers see the new size.
    virtual env::task<result<void>> grow() = 0;
};

// Export::close() of an export that finds out by try_close(): again after each change, and now and then.
env::task<result<void>> close_when_unused(env::Env& env, Export& exported);

class Provider {
  public:
    virtual ~Provider() = default;

    // For the log, e.g. "fuse+loop".
    virtual std::string_view name() const = 0;
    // Why it does not work on this machine at all; empty when it may.
    virtual std::string why_unavailable() const { return {}; }
    // Makes `device` visible as the resource `name`. After a failure nothing is left behind. What an earlier, killed
    // program left under this name is removed first, or named in the failure when it cannot be removed.
    virtual env::task<result<std::unique_ptr<Export>>> create(std::string name, block::Device& device) = 0;
};

} // namespace mars::exports
