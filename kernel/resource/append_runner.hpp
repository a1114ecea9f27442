// SPDX-License-Identifier: GPL-2.0-or-later
// AppendRunner: this host is primary: the write path, the device, the disk as others copy it.
// Order of ends: device gone → everything written back → final positions published → others may take over.
// Owns: the AppendEngine. Spec: symlink-tree 4.4 (P1 … P8, G5).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "kernel/resource/append_engine.hpp"
#include "kernel/resource/append_note.hpp"
#include "kernel/resource/attached_disk.hpp"
#include "kernel/resource/disk_source.hpp"
#include "kernel/resource/runner.hpp"

namespace mars::resource {

class AppendRunner final : public Runner {
  public:
    AppendRunner(Context& context, AttachedDisk& disk, AppendNote& note)
        : Runner(context), disk_(disk), note_(note),
          engine_(context.host, context.view.name(), context.logs, context.signal) {}

    Engine kind() const override { return Engine::appending; }
    bool is_running() const override { return engine_.is_running(); }
    void observe(Local& local) override;
    bool is_wanted(const Plan& plan) const override;
    env::task<bool> stop(const Plan& plan) override;
    env::task<bool> advance(const Plan& plan, std::shared_ptr<block::Disk> disk) override;
    env::task<result<bool>> publish() override;
    void add_facts(Facts& facts) override;
    void add_messages(std::map<std::string, std::string>& messages) const override;
    // G3, G5: the write path goes on in the log that the plan says.
    env::task<bool> rotate(const Plan& plan);

    const AppendEngine& engine() const { return engine_; }
    // Logs that could not be written to the end may have more than what is durable, which was promised to nobody.
    // Cuts it; false, and says why, when that fails. Nobody may use these logs before.
    bool has_left_tails() const { return !tails_.empty(); }
    env::task<bool> cut_tails();
    // The disk that peers may sync from; nullptr unless this host appends.
    std::shared_ptr<DiskSource> source() const { return source_; }

  private:
    std::int64_t rotation_limit() const;
    env::task<bool> start(const Plan& plan, std::shared_ptr<block::Disk> disk);
    env::task<bool> finish();
    bool gives_up_telling();
    env::task<bool> create_device();
    env::task<void> look_after_device();
    void note_burst();

    AttachedDisk& disk_;
    AppendNote& note_;
    AppendEngine engine_;
    std::shared_ptr<DiskSource> source_;
    std::map<LogName, std::int64_t> tails_; // logs, and their durable lengths
    std::optional<Duration> untold_since_;  // the last positions, while marsd is being stopped
    bool has_untold_ = false;               // it has given that up
    // The end of the newest log: what it was, when it was looked at (Lamport), and when it has grown (steady).
    format::LogPosition end_;
    std::optional<Stamp> looked_at_;
    std::optional<Duration> grown_at_;
    std::optional<tree::WriteBurst> burst_;
    Duration device_seen_at_{};
    std::string device_trouble_; // what is in the way of the device's node
};

} // namespace mars::resource
