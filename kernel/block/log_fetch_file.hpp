// SPDX-License-Identifier: GPL-2.0-or-later
// FetchedLog: the local copy of another host's log while it is being fetched. It only ever grows by appending, or is
// cut before anything is appended; so after any crash it is a beginning of the creator's log, up to kFetchBatchBytes of
// it at the end possibly torn, which the next fetch finds out by digests and cuts off. Owns: the open file. Runs on:
// the resource's executor. Spec: transaction-log 1 (TL-F2), 13.6, symlink-tree D6. Tests:
// tests/unit/block/net_fetch_test.cpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/block/fetch_messages.hpp"
#include "kernel/env/env.hpp"

namespace mars::block {

// At most this much is appended between two syncs.
inline constexpr std::uint64_t kFetchBatchBytes = std::uint64_t{8} << 20;
static_assert(kFetchBatchBytes <= kMaxTailPieces * kTailPieceBytes);

class FetchedLog {
  public:
    // The length of the local copy; nullopt when there is none (nothing, or a deleted one).
    // Errors: something else than a log is at its place.
    static result<std::optional<std::uint64_t>> local_length(env::Env& env, const std::string& directory,
                                                             const format::LogName& name);
    // Opens the local copy, creates it empty when there is none (replacing a `.deleted` link), and makes its name and
    // all that is in it durable.
    static env::task<result<std::unique_ptr<FetchedLog>>> open(env::Env& env, std::string directory,
                                                               format::LogName name);

    const format::LogName& name() const { return name_; }
    std::uint64_t length() const { return length_; }
    std::uint64_t durable_length() const { return durable_length_; }

    // Errors: somebody has removed the file, or made it shorter than what is durable.
    result<void> check_place() const;

    // The request that continues this copy. The last kFetchBatchBytes are to be compared; a piece begins at `verified`.
    env::task<result<FetchRequest>> make_request(std::uint64_t verified);
    // Forgets everything from `length` on, durably. Only before the first append().
    env::task<result<void>> cut(std::uint64_t length);
    // Appends; durable after sync(). After a failure of either the copy has been cut to its durable length if that was
    // possible, and must not be used any more.
    env::task<result<void>> append(std::span<const std::byte> data);
    env::task<result<void>> sync();

  private:
    FetchedLog(env::Env& env, std::string path, format::LogName name)
        : env_(env), path_(std::move(path)), name_(std::move(name)) {}
    env::task<failure> give_up(failure why);
    std::uint64_t first_checked(std::uint64_t verified, std::uint64_t window) const;

    env::Env& env_;
    std::string path_;
    format::LogName name_;
    std::unique_ptr<env::File> file_;
    std::uint64_t length_ = 0;
    std::uint64_t durable_length_ = 0;
};

} // namespace mars::block
