// SPDX-License-Identifier: GPL-2.0-or-later
// AttachedDisk: the data disk of a resource on this host: opened only with a proof that it holds what this host has
// left on it, closed with a new witness; and the mark of how far this host had come. docs/formats/witness.md. Runs on:
// the host's executor. Owns: the disk, which engines and peers share while they use it. attached_disk.cpp: opening, the
// mark; disk_proof.cpp: the belief. Tests: tests/unit/cluster, tests/e2e.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kernel/block/disk.hpp"
#include "kernel/block/disk_witness.hpp"
#include "kernel/resource/append_note.hpp"
#include "kernel/resource/context.hpp"
#include "kernel/resource/written_mark.hpp"

namespace mars::resource {

class AttachedDisk {
  public:
    AttachedDisk(Context& context, AppendNote& note)
        : context_(context), note_(note),
          mark_(context.host.env, context.host.tunables.state_directory, context.view.name()) {}

    // True: it is there, and believed in. Looks at it only now and then, or when something has changed.
    env::task<bool> open();
    // A store that has failed may be gone, and come back as another device under its name: if it is proven to be the
    // same one, work goes on with it. `is_in_use`: the write path has it.
    env::task<void> look_for_return(bool is_in_use);
    // Nobody uses it any more. `is_copied`: a sync is complete, whether that is told or not.
    env::task<void> close(bool is_copied);
    const std::shared_ptr<block::Disk>& get() const { return disk_; }
    // Why it cannot be attached: -errno; 0: it is, or need not be.
    int error() const { return error_; }
    // Why it is not believed in; empty: it is.
    const std::string& doubt() const { return doubt_; }
    bool is_hanging() const;
    std::string hanging_text() const;

    // Keeps the witness near the position: behind each 16 MiB of log, with each new log, at the end of a sync, and when
    // the disk is closed. An old one is not wrong; it only needs more of the logs.
    env::task<void> renew_witness(bool at_once, bool is_copied);

    // An operator has said that the disk is what is wanted: `marsadm trust-disk`.
    bool is_trusted() const;
    // The operator's word is for once.
    void withdraw_trust();
    // Notes how far this host has come; `even_less`: also when the mark says that there was more.
    env::task<void> note_written(format::LogPosition at, bool even_less);
    // This host had written more than it finds.
    bool had_written_more() const;
    // Why this host must not go on as primary by itself: it had written more than it finds, so /mars has been put back
    // from an older picture, and a member that is not heard of may have the rest. Of a member that is heard of,
    // decide() knows what is to be fetched. Empty: nothing speaks against it.
    std::string missing_past(bool is_appending);

  private:
    // What had been said when the disk was opened; it takes a while to look at it.
    struct Word {
        std::string primary;
        bool is_trusted = false;
    };
    env::task<bool> is_believed(std::shared_ptr<block::Disk> disk, Word word);
    env::task<bool> take_first_witness(std::shared_ptr<block::Disk> disk, Word word);
    block::WitnessQuestion witness_question(std::optional<format::LogPosition> position = std::nullopt) const;
    static constexpr const char* kWitness = "disk-witness";
    bool is_named_here(const std::string& path) const;
    bool is_synced() const;
    void note_held_disk();
    bool start_unsynced(const std::string& why);
    bool refuse_disk(const std::string& why);
    std::string older_picture() const;
    format::LogPosition end_here() const;

    Context& context_;
    AppendNote& note_;
    std::shared_ptr<block::Disk> disk_;
    int error_ = 0;
    std::string wish_; // what was known when the disk was looked at last; empty: look at once
    Duration tried_at_{};
    std::string doubt_;
    std::optional<block::DiskWitness> witness_; // of the disk that is attached
    WrittenMark mark_;
    std::optional<Written> written_; // what the mark said at the attach, until this host has come as far again
};

} // namespace mars::resource
