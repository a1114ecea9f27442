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

std::string WriteCounters::text() const {
    const auto micros = [](Duration d) {
        return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(d).count());
    };
    return "writes=" + std::to_string(writes) + " bytes=" + std::to_string(written_bytes) +
           " records=" + std::to_string(commit.records) + " commits=" + std::to_string(commit.commits) +
           " encode_us=" + micros(encode_time) + " append_us=" + micros(commit.append_time) +
           " sync_us=" + micros(commit.sync_time) + " writeback_bytes=" + std::to_string(writeback.bytes) +
           " writeback_us=" + micros(writeback.write_time + writeback.sync_time);
}

std::optional<std::uint64_t> WritePath::durable_length(const format::LogName& log) const {
    for (const auto& open : open_logs())
        if (open.log == log) return open.durable;
    return std::nullopt;
}

} // namespace mars::block
