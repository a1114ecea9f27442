// SPDX-License-Identifier: GPL-2.0-or-later
// The belief in a disk: only what this host has seen itself, or proves now, counts.
// Witness: kernel/block/disk_witness.hpp, docs/formats/witness.md.
#include <algorithm>
#include <cerrno>

#include "kernel/resource/attached_disk.hpp"

namespace mars::resource {

namespace {

constexpr std::size_t kMaxWitnessBytes = std::size_t(1) << 20;
constexpr std::int64_t kRenewBytes = std::int64_t(16) << 20; // of log, between two witnesses
constexpr const char* kHeld = "disk-was-held";

} // namespace

bool AttachedDisk::is_synced() const {
    const auto status = context_.view.sync_status(context_.me());
    return status && *status >= context_.view.size();
}

block::WitnessQuestion AttachedDisk::witness_question(std::optional<format::LogPosition> position) const {
    block::WitnessQuestion question;
    if (position) {
        question.position = *position;
    } else if (const auto replay = context_.view.replay(context_.me())) {
        question.position = replay->position();
        if (auto version = context_.view.version(replay->log.seq, context_.me());
            version && version->log == replay->log)
            question.position.pos = std::min(question.position.pos, version->length);
    }
    const auto logs = context_.logs.local();
    const auto gives_way = [&](const LogName& name) { // of two logs with one number, the one at hand, or the own
        return std::any_of(logs.begin(), logs.end(), [&](const LocalLog& other) {
            if (other.name.seq != name.seq || other.name == name) return false;
            return other.name == question.position.log ||
                   (other.name.host == context_.me() && name != question.position.log);
        });
    };
    for (auto& log : logs) {
        if (gives_way(log.name)) continue;
        if (!question.logs.empty() && log.name.seq == question.logs.back().name.seq) continue; // a split: the first
        if (!question.logs.empty() && log.name.seq > question.logs.back().name.seq + 1) {
            if (question.logs.back().name.seq >= question.position.log.seq) break; // a gap ahead
            question.logs.clear();
        }
        question.logs.push_back(block::WitnessLog{log.name, context_.logs.path(log.name), log.length});
    }
    return question;
}

// Somebody else has it: who knows what is written meanwhile. Remembered over restarts.
void AttachedDisk::note_held_disk() {
    if (is_synced()) (void)context_.host.tree.set(context_.local_key(kHeld), "1");
}

// The replica becomes one that has yet to be copied; of a disk that is right, only digests go over the line.
bool AttachedDisk::start_unsynced(const std::string& why) {
    context_.host.env.log().warning("resource " + context_.view.name() + ": disk " +
                                    context_.host.tree.value(context_.view.key("data-" + context_.me())) + ": " + why +
                                    "; it is compared with the primary's, and counts as inconsistent until then");
    return context_.host.tree.set(context_.view.key("syncstatus-" + context_.me()), "0").has_value();
}

bool AttachedDisk::refuse_disk(const std::string& why) {
    if (doubt_ != why) context_.host.env.log().error(context_.prefix() + why);
    doubt_ = why;
    error_ = -ESTALE;
    return false;
}

// A disk that has just been opened: may it be used? Whatever has come back from peers is a claim; only a witness of
// this host, or an operator's word, makes it a fact.
env::task<bool> AttachedDisk::is_believed(std::shared_ptr<block::Disk> disk, Word word) {
    const auto path = disk->path();
    const auto me = context_.me();
    const auto file = context_.host.tree.absolute(context_.local_key(kWitness));
    const bool is_primary = word.primary.empty() || word.primary == me;
    witness_.reset();
    written_ = mark_.read(context_.host.tree.value("uuid"));
    std::string damage = "nothing on this host tells what was on it (a new or restored /mars)";
    if (auto text = context_.host.env.storage().read_file(file, kMaxWitnessBytes)) {
        auto witness = block::DiskWitness::parse(*text);
        if (witness)
            witness_ = std::move(*witness);
        else
            damage = witness.error().text;
    }
    const auto identity = context_.host.env.storage().identity(path);
    const auto ways = "; next: attach the right disk, or marsadm invalidate " + context_.view.name() +
                      " on the host whose data shall go, or marsadm trust-disk " + context_.view.name() + " on " + me +
                      " if this disk's content is what you want";
    if (const auto gone = word.is_trusted || !is_synced() ? std::nullopt : note_.gone()) {
        if (is_primary) co_return false; // decide() says what now
        if (!start_unsynced("it was writing " + gone->text() + " when it died, and that has gone")) co_return false;
    }
    if (word.is_trusted || !context_.view.replay(me)) {
        witness_.reset();
    } else if (!is_synced()) {
        const auto done = context_.view.sync_status(me).value_or(0);
        if (witness_ && done > 0 && !witness_->identity.empty() && witness_->identity != identity) {
            co_return refuse_disk("disk " + path + " is another one than " + std::to_string(done) +
                                  " bytes have been copied to: expected " + witness_->identity + ", found " + identity +
                                  ways);
        }
        witness_.reset();
    } else if (!witness_ && is_primary) {
        co_return refuse_disk("disk " + path + " is not proven: " + damage + ways);
    } else if (!witness_) {
        if (!start_unsynced(damage)) co_return false;
    } else if (context_.host.tree.has(context_.local_key(kHeld)) && !is_primary) {
        if (!start_unsynced("somebody else had it in use")) co_return false;
        witness_.reset();
    } else {
        const auto now_at = witness_question();
        auto question = now_at; // named: g++ 12 destroys temporaries of a co_await twice
        auto known = *witness_;
        auto proof = co_await block::prove_disk(context_.host.env, *disk, std::move(question), std::move(known));
        if (!proof) {
            error_ = -proof.error().code.value();
            context_.host.env.log().error(context_.prefix() + proof.error().text);
            co_return false;
        }
        const bool is_other = witness_->identity != identity && !witness_->identity.empty();
        const auto differs = is_other ? "; the disk is another one, too: expected " + witness_->identity + ", found " +
                                            (identity.empty() ? "none" : identity)
                                      : std::string();
        if (const auto& wrong = proof->mismatch)
            co_return refuse_disk(
                "disk " + path + ": the block at byte " + std::to_string(wrong->offset) + " differs from what " +
                (wrong->writer.empty() ? me : wrong->writer) + " wrote there, and " + std::to_string(wrong->differing) +
                " of " + std::to_string(wrong->compared) + " blocks looked at" + differs + older_picture() + ways);
        if (proof->compared == 0) {
            const auto& position = now_at.position;
            const bool has_log = context_.logs.length(position.log).value_or(0) >= position.pos;
            if (!has_log && !is_other) {
                // On the primary, nothing else goes on before that: everybody shall see it.
                context_.round.say(is_primary ? "err-past-missing" : "inf-replay-start",
                                   "disk " + path + " cannot be proven before " + position.log.text() +
                                       " is here up to byte " + std::to_string(position.pos) +
                                       "; it is fetched, if any member has it" + ways);
                co_return false;
            }
            if (is_other || is_primary)
                co_return refuse_disk("disk " + path + " cannot be proven, no log here tells what was written to it" +
                                      differs + older_picture() + ways);
            if (!start_unsynced("no log here tells what was written to it")) co_return false;
            witness_.reset();
        }
        if (is_other && witness_)
            context_.host.env.log().info("resource " + context_.view.name() + ": disk " + path + " is now " + identity +
                                         ", it was " + witness_->identity + "; its content is right (" +
                                         std::to_string(proof->compared) + " blocks compared)");
    }
    co_return true;
}

// The first witness of a disk that is believed in: durable before anything is written to the disk.
env::task<bool> AttachedDisk::take_first_witness(std::shared_ptr<block::Disk> disk, Word word) {
    const auto failed = [this](const failure& why) {
        error_ = -why.code.value();
        context_.host.env.log().error(context_.prefix() + why.text);
        return false;
    };
    const auto me = context_.me();
    if (witness_ && is_synced()) witness_->identity = context_.host.env.storage().identity(disk->path());
    const auto now = witness_question();
    auto before = witness_;
    auto taken = co_await block::take_witness(context_.host.env, *disk, now, std::move(before));
    if (!taken) co_return failed(taken.error());
    if (!is_synced()) taken->sums.clear(); // the copy changes what it likes
    const auto directory = context_.host.tree.absolute(context_.view.key("local-" + me));
    auto kept = context_.host.env.storage().make_directory(directory);
    if (kept) {
        auto file = context_.host.tree.absolute(context_.local_key(kWitness));
        auto text = taken->text(); // named: g++ 12 destroys temporaries of a co_await twice
        kept = co_await context_.host.env.storage().keep_file(std::move(file), std::move(text));
    }
    if (!kept) co_return failed(kept.error());
    witness_ = std::move(*taken);
    // What /mars says of roles may be as old as the rest of it: only a new copy makes less of what was here.
    co_await note_written(now.position, word.is_trusted || !is_synced());
    if (word.primary != me) { // a primary may need them for its logs, too, until it is at work
        withdraw_trust();
        note_.forget();
    }
    (void)context_.host.tree.remove(context_.local_key(kHeld));
    co_return true;
}

// Keeps the witness near the position: behind each 16 MiB of log, with each new log, at the end of a sync, and when the
// disk is closed. An old one is not wrong; it only needs more of the logs.
env::task<void> AttachedDisk::renew_witness(bool at_once, bool is_copied) {
    if (!disk_ || !witness_ || (!is_synced() && !at_once)) co_return;
    const auto now = witness_question();
    const bool is_far = now.position.log != witness_->at.log || now.position.pos - witness_->at.pos >= kRenewBytes;
    if (!at_once && !is_far) co_return;
    const auto disk = disk_; // stays open while it is read
    auto before = witness_;
    auto taken = co_await block::take_witness(context_.host.env, *disk, now, std::move(before));
    if (!taken || disk != disk_) co_return; // the old one still holds
    if (!is_synced() && !is_copied) taken->sums.clear();
    auto file = context_.host.tree.absolute(
        context_.local_key(kWitness)); // named: g++ 12 destroys temporaries of a co_await twice
    auto text = taken->text();
    auto kept = co_await context_.host.env.storage().keep_file(std::move(file), std::move(text));
    if (disk != disk_) co_return;
    if (!kept) {
        context_.quiet.warning("witness", "resource " + context_.view.name() +
                                              ": the witness of the disk is not renewed: " + kept.error().text);
        co_return;
    }
    witness_ = std::move(*taken);
    co_await note_written(now.position, false);
}

} // namespace mars::resource
