// SPDX-License-Identifier: GPL-2.0-or-later
// RealDirectoryWatch: DirectoryWatch by inotify.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/env/storage.hpp"

namespace mars::env {

class RealDirectoryWatch final : public DirectoryWatch {
  public:
    static result<std::unique_ptr<RealDirectoryWatch>> create(asio::io_context& context);
    // `fd`: of inotify, non-blocking; taken over.
    RealDirectoryWatch(asio::io_context& context, int fd) : inotify_(context, fd) {}

    result<void> add(const std::string& directory) override;
    void remove(const std::string& directory) override;
    task<result<std::vector<DirectoryChange>>> next() override;
    std::vector<DirectoryChange> pending() override;

  private:
    result<std::vector<DirectoryChange>> read_pending();
    void translate(const char* data, std::size_t size, std::vector<DirectoryChange>& changes);

    asio::posix::stream_descriptor inotify_;
    std::map<int, std::string> directories_; // by watch descriptor
    std::vector<char> buffer_;
};

} // namespace mars::env
