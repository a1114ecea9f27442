// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/environment.hpp"

#include <array>

namespace mars::macros {

namespace {

constexpr std::array<std::string_view, kFixedSlots> kFixedNames{"__abort__",
                                                                "__return__",
                                                                "__stop_eval__",
                                                                "__next__",
                                                                "__last__",
                                                                "callstack",
                                                                "cmd",
                                                                "res",
                                                                "resdir",
                                                                "mars",
                                                                "host",
                                                                "real_host",
                                                                "ip",
                                                                "timeout",
                                                                "threshold",
                                                                "window",
                                                                "stuck-seconds",
                                                                "keep-backup-hours",
                                                                "keep-backup-seconds",
                                                                "force",
                                                                "dry-run",
                                                                "verbose"};

} // namespace

Names::Names() {
    for (auto name : kFixedNames) slot(name);
}

Slot Names::slot(std::string_view name) {
    if (auto found = slots_.find(name); found != slots_.end()) return found->second;
    auto slot = static_cast<Slot>(names_.size());
    names_.emplace_back(name);
    slots_.emplace(names_.back(), slot);
    return slot;
}

Slot Names::numbered(std::size_t number) {
    while (numbered_.size() <= number) numbered_.push_back(slot(std::to_string(numbered_.size())));
    return numbered_[number];
}

} // namespace mars::macros
