// SPDX-License-Identifier: GPL-2.0-or-later
// WrittenMark: how far this host has come with a resource, kept outside of /mars. A /mars (with or without the disk)
// that is put back from an older picture does not take the mark back with it, so that a primary can tell that it had
// already written more than it finds. Format: docs/formats/witness.md. Tests:
// tests/unit/resource/written_mark_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/env/env.hpp"
#include "kernel/format/log_name.hpp"

namespace mars::resource {

struct Written {
    std::string uuid; // of the cluster; a mark of another one says nothing
    format::LogPosition at;
    Stamp time; // real time

    std::string text() const;
    static result<Written> parse(std::string_view text);
};

class WrittenMark {
  public:
    // `directory` is made when it is first needed; empty: no marks are kept.
    WrittenMark(env::Env& env, const std::string& directory, const std::string& resource);

    // Durable when it returns. Errors: those of the storage; the older mark is left then.
    env::task<result<void>> note(std::string uuid, format::LogPosition at);
    // nullopt: none, or one of another cluster. A damaged one is told in the log, and counts as none.
    std::optional<Written> read(const std::string& uuid) const;
    void remove();

  private:
    env::Env& env_;
    std::string directory_, path_;
};

} // namespace mars::resource
