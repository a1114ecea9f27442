// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/write_path.hpp"

namespace mars::block {

format::ReplayLink LogProgress::replay_link() const {
    format::ReplayLink link;
    link.log = log;
    link.pos = static_cast<std::int64_t>(min);
    link.dirty = static_cast<std::int64_t>(dirty);
    return link;
}

std::optional<std::uint64_t> WritePath::durable_length(const format::LogName& log) const {
    for (const auto& open : open_logs())
        if (open.log == log) return open.durable;
    return std::nullopt;
}

} // namespace mars::block
