// SPDX-License-Identifier: GPL-2.0-or-later
// TreeDigests: one digest per directory over everything that peers should have in common there: (name, value, stamp) of
// all keys that travel, deletions included. Computed when asked for, kept until a key of the directory changes.
// Barrier keys are left out: they change all the time, and every compare sends them anyway.
// Tests: tests/unit/tree/exchange_test.cpp.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/tree/exchange_messages.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::tree {

// A key that can be sent: it travels, and its path and value pass the checks of the receiver.
bool is_sendable(std::string_view path, const Link& link);

class TreeDigests {
  public:
    explicit TreeDigests(const Tree& tree) : tree_(tree) {}

    // A directory without keys, or a missing one, has the digest "".
    std::string of(const std::string& dir);
    // All directories with keys.
    std::vector<DirectoryDigest> all();
    // To be called for each change of the tree.
    void changed(std::string_view path);

  private:
    std::string compute(const std::string& dir) const;

    const Tree& tree_;
    std::map<std::string, std::string, std::less<>> known_;
};

} // namespace mars::tree
