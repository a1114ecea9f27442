// SPDX-License-Identifier: GPL-2.0-or-later
// LogFile: a transaction log that this host writes: a plain file that only grows, its size is its end.
// Runs on: the resource's io_context; one append or sync at a time. Owns: the open file.
// Spec: transaction-log 1, 6; symlink-tree D6. Tests: tests/unit/block/log_file_test.cpp.
#pragma once

#include <memory>
#include <string>

#include "kernel/env/env.hpp"
#include "kernel/format/log_name.hpp"

namespace mars::block {

class LogFile {
  public:
    // Opens the log `name` in the resource directory `directory`, empty, for appending. Creates it when nothing or a
    // `.deleted` symlink is there; the name is durable when this returns. An empty log that exists is taken as it is.
    // Errors: errc::file_exists when anything else is there (a log with content is never appended to, TL-F4); those of
    // the filesystem. (Name the arguments before you co_await this: LogName owns memory.)
    static env::task<result<LogFile>> create(env::Env& env, std::string directory, format::LogName name);

    // Writes behind the last byte. After a failure nothing may be appended any more.
    env::task<result<void>> append(std::span<const std::byte> data);
    // Makes everything that was appended durable. A failure is final: the file must be treated as damaged.
    env::task<result<void>> sync();
    // After a sync, before anything is promised: is what was made durable still under the log's name? A file that was
    // removed is written anew, durably, from the one that is still open, and that is said. Errors: it was truncated or
    // replaced (errc::io_error), and those of the filesystem; the file must then be treated as damaged.
    env::task<result<void>> keep_place();
    // After a failure: takes what is behind `length`, and was never promised to anybody, out of the file. Later starts
    // take a log's size for its end.
    env::task<result<void>> cut(std::uint64_t length);

    const format::LogName& name() const { return name_; }
    const std::string& path() const { return path_; }
    // Bytes that were appended.
    std::uint64_t end() const { return end_; }

  private:
    LogFile(env::Env& env, format::LogName name, std::string path)
        : env_(&env), name_(std::move(name)), path_(std::move(path)) {}
    env::task<result<void>> write_anew();

    env::Env* env_;
    format::LogName name_;
    std::string path_;
    std::unique_ptr<env::File> file_;
    std::uint64_t inode_ = 0;
    std::uint64_t end_ = 0;
};

} // namespace mars::block
