// SPDX-License-Identifier: GPL-2.0-or-later
// Messages: the `msg-KEY` links of one resource: what the operator should know. A text that is no longer said is kept
// for a while, then becomes `OK`. Spec: symlink-tree 2.12.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "kernel/env/env.hpp"
#include "kernel/tree/tree.hpp"

namespace mars::resource {

class Messages {
  public:
    // `directory`: "resource-RES/actual-ME".
    Messages(env::Env& env, tree::Tree& tree, std::string directory);

    // What holds now, by key; publishes the difference. Texts are cut at 900 bytes, newlines become blanks.
    // The first line of each new text goes to the log as well.
    void publish(const std::map<std::string, std::string>& current);
    // One of them, beside what was published last.
    void say(const std::string& key, const std::string& text);

  private:
    struct Shown {
        std::string text;
        Stamp first_real, first_lamport;
        Duration last_said{0};
        bool is_ok = true;
    };
    bool expire();

    env::Env& env_;
    tree::Tree& tree_;
    std::string directory_;
    std::map<std::string, Shown> shown_;
    std::uint64_t version_ = 0; // of the directory, when all was told and nothing was left to be taken back
};

} // namespace mars::resource
