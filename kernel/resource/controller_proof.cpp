// SPDX-License-Identifier: GPL-2.0-or-later
// A Controller's belief in its disk: only what this host has seen itself, or proves now, counts.
// Witness: kernel/block/disk_witness.hpp, docs/formats/witness.md.
#include <cerrno>

#include "kernel/resource/controller.hpp"

namespace mars::resource {

namespace {

constexpr std::size_t kMaxWitnessBytes = std::size_t(1) << 20;
constexpr std::int64_t kRenewBytes = std::int64_t(16) << 20; // of log, between two witnesses
constexpr const char* kTrust = "trust-disk";
constexpr const char* kHeld = "disk-was-held";

} // namespace

bool Controller::is_synced() const {
    const auto status = view_.sync_status(host_.me());
    return status && *status >= view_.size();
}

block::WitnessQuestion Controller::witness_question(std::optional<format::LogPosition> position) const {
    block::WitnessQuestion question;
    if (position) {
        question.position = *position;
    } else if (const auto replay = view_.replay(host_.me())) {
        question.position = replay->position();
        if (auto version = view_.version(replay->log.seq, host_.me()); version && version->log == replay->log)
            question.position.pos = std::min(question.position.pos, version->length);
    }
    for (auto& log : logs_->local()) {
        if (!question.logs.empty() && log.name.seq == question.logs.back().name.seq) continue; // a split: the first
        if (!question.logs.empty() && log.name.seq > question.logs.back().name.seq + 1) {
            if (question.logs.back().name.seq >= question.position.log.seq) break; // a gap ahead
            question.logs.clear();
        }
        question.logs.push_back(block::WitnessLog{log.name, logs_->path(log.name), log.length});
    }
    return question;
}

// Somebody else has it: who knows what is written meanwhile. Remembered over restarts.
void Controller::note_held_disk() {
    if (is_synced()) (void)host_.tree.set(local_key(kHeld), "1");
}

// The replica becomes one that has yet to be copied; of a disk that is right, only digests go over the line.
bool Controller::start_unsynced(const std::string& why) {
    host_.env.log().warning("resource " + view_.name() + ": disk " + host_.tree.value(view_.key("data-" + host_.me())) +
                            ": " + why + "; it is compared with the primary's, and counts as inconsistent until then");
    return host_.tree.set(view_.key("syncstatus-" + host_.me()), "0").has_value();
}

bool Controller::refuse_disk(const std::string& why) {
    if (disk_doubt_ != why) host_.env.log().error("resource " + view_.name() + ": " + why);
    disk_doubt_ = why;
    disk_error_ = -ESTALE;
    return false;
}

// A disk that has just been opened: may it be used? Whatever has come back from peers is a claim; only a witness of
// this host, or an operator's word, makes it a fact.
env::task<bool> Controller::is_proven(std::shared_ptr<block::Disk> disk) {
    const auto path = disk->path();
    const auto me = host_.me();
    const auto file = host_.tree.absolute(local_key("disk-witness"));
    const auto primary = view_.primary();
    const bool is_primary = primary.empty() || primary == me;
    const bool is_trusted = host_.tree.has(local_key(kTrust));
    witness_.reset();
    written_ = mark_.read(host_.tree.value("uuid"));
    std::string damage = "nothing on this host tells what was on it (a new or restored /mars)";
    if (auto text = host_.env.storage().read_file(file, kMaxWitnessBytes)) {
        auto witness = block::DiskWitness::parse(*text);
        if (witness)
            witness_ = std::move(*witness);
        else
            damage = witness.error().text;
    }
    const auto identity = host_.env.storage().identity(path);
    const auto ways = "; next: attach the right disk, or marsadm invalidate " + view_.name() +
                      " on the host whose data shall go, or marsadm trust-disk " + view_.name() + " on " + me +
                      " if this disk's content is what you want";
    if (const auto gone = is_trusted || !is_synced() ? std::nullopt : gone_) {
        if (is_primary) co_return false; // decide() says what now
        if (!start_unsynced("it was writing " + gone->text() + " when it died, and that has gone")) co_return false;
    }
    if (is_trusted || !view_.replay(me)) {
        witness_.reset();
    } else if (!is_synced()) {
        const auto done = view_.sync_status(me).value_or(0);
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
    } else if (host_.tree.has(local_key(kHeld)) && !is_primary) {
        if (!start_unsynced("somebody else had it in use")) co_return false;
        witness_.reset();
    } else {
        const auto now_at = witness_question();
        auto question = now_at; // named: g++ 12 destroys temporaries of a co_await twice
        auto known = *witness_;
        auto proof = co_await block::prove_disk(host_.env, *disk, std::move(question), std::move(known));
        if (!proof) {
            disk_error_ = -proof.error().code.value();
            host_.env.log().error("resource " + view_.name() + ": " + proof.error().text);
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
            const bool has_log = logs_->length(position.log).value_or(0) >= position.pos;
            if (!has_log && !is_other) {
                // On the primary, nothing else goes on before that: everybody shall see it.
                say(is_primary ? "err-past-missing" : "inf-replay-start",
                    "disk " + path + " cannot be proven before " + position.log.text() + " is here up to byte " +
                        std::to_string(position.pos) + "; it is fetched, if any member has it" + ways);
                co_return false;
            }
            if (is_other || is_primary)
                co_return refuse_disk("disk " + path + " cannot be proven, no log here tells what was written to it" +
                                      differs + older_picture() + ways);
            if (!start_unsynced("no log here tells what was written to it")) co_return false;
            witness_.reset();
        }
        if (is_other && witness_)
            host_.env.log().info("resource " + view_.name() + ": disk " + path + " is now " + identity + ", it was " +
                                 witness_->identity + "; its content is right (" + std::to_string(proof->compared) +
                                 " blocks compared)");
    }
    if (witness_ && is_synced()) witness_->identity = identity;
    // Durable before anything is written to the disk.
    const auto now = witness_question();
    auto before = witness_;
    auto taken = co_await block::take_witness(host_.env, *disk, now, std::move(before));
    if (!taken) {
        disk_error_ = -taken.error().code.value();
        host_.env.log().error("resource " + view_.name() + ": " + taken.error().text);
        co_return false;
    }
    if (!is_synced()) taken->sums.clear(); // the copy changes what it likes
    const auto directory = host_.tree.absolute(view_.key("local-" + me));
    auto kept = host_.env.storage().make_directory(directory);
    if (kept) {
        auto text = taken->text(); // named: g++ 12 destroys temporaries of a co_await twice
        kept = co_await host_.env.storage().keep_file(file, std::move(text));
    }
    if (!kept) {
        disk_error_ = -kept.error().code.value();
        host_.env.log().error("resource " + view_.name() + ": " + kept.error().text);
        co_return false;
    }
    witness_ = std::move(*taken);
    // What /mars says of roles may be as old as the rest of it: only a new copy makes less of what was here.
    co_await note_written(now.position, is_trusted || !is_synced());
    if (primary != me) { // a primary may need them for its logs, too, until it is at work
        withdraw_trust();
        forget_appending();
    }
    (void)host_.tree.remove(local_key(kHeld));
    co_return true;
}

// The operator's word is for once.
void Controller::withdraw_trust() {
    if (host_.tree.has(local_key(kTrust))) (void)host_.tree.remove(local_key(kTrust));
}

// Keeps the witness near the position: behind each 16 MiB of log, with each new log, at the end of a sync, and when the
// disk is closed. An old one is not wrong; it only needs more of the logs.
env::task<void> Controller::renew_witness(bool at_once) {
    if (!disk_ || !witness_ || (!is_synced() && !at_once)) co_return;
    const auto now = witness_question();
    const bool is_far = now.position.log != witness_->at.log || now.position.pos - witness_->at.pos >= kRenewBytes;
    if (!at_once && !is_far) co_return;
    const auto disk = disk_; // stays open while it is read
    auto before = witness_;
    auto taken = co_await block::take_witness(host_.env, *disk, now, std::move(before));
    if (!taken || disk != disk_) co_return; // the old one still holds
    if (!is_synced() && !sync_.is_complete()) taken->sums.clear();
    auto file =
        host_.tree.absolute(local_key("disk-witness")); // named: g++ 12 destroys temporaries of a co_await twice
    auto text = taken->text();
    auto kept = co_await host_.env.storage().keep_file(std::move(file), std::move(text));
    if (disk != disk_) co_return;
    if (!kept) {
        quiet_.warning("witness",
                       "resource " + view_.name() + ": the witness of the disk is not renewed: " + kept.error().text);
        co_return;
    }
    witness_ = std::move(*taken);
    co_await note_written(now.position, false);
}

// --- what this host has written --------------------------------------------------------------------------------------

// `even_less`: also when the mark says that there was more.
env::task<void> Controller::note_written(format::LogPosition at, bool even_less) {
    if (!even_less && written_ && format::compare_progress(written_->at, at) > 0) co_return;
    written_.reset();
    auto uuid = host_.tree.value("uuid"); // named: g++ 12 destroys temporaries of a co_await twice
    auto noted = co_await mark_.note(std::move(uuid), std::move(at));
    if (!noted)
        quiet_.warning("mark",
                       "resource " + view_.name() + ": how far it has come is not noted: " + noted.error().text);
}

// Told with a disk that does not fit: a newer disk than /mars knows is no wrong one.
std::string Controller::older_picture() const {
    const auto here = witness_question().position;
    if (!written_ || format::compare_progress(written_->at, here) <= 0) return "";
    return "; this host had come to " + written_->at.text() + " by " + written_->time.utc() +
           ", so /mars has been put back from an older picture: when all logs are here again, the disk is looked at "
           "anew";
}

// The end of the logs that are here without a gap.
format::LogPosition Controller::end_here() const {
    const auto question = witness_question();
    auto here = question.position;
    for (const auto& log : question.logs) {
        const format::LogPosition end{log.name, log.length};
        if (format::compare_progress(end, here) > 0) here = end;
    }
    return here;
}

bool Controller::had_written_more() const {
    return written_ && format::compare_progress(written_->at, end_here()) > 0;
}

// Why this host must not go on as primary by itself: it had written more than it finds, so /mars has been put back from
// an older picture, and a member that is not heard of may have the rest. Of a member that is heard of, decide() knows
// what is to be fetched. Empty: nothing speaks against it.
std::string Controller::missing_past() {
    if (disk_ && view_.primary() != host_.me()) withdraw_trust();
    if (!written_ || !disk_ || append_.is_running()) return ""; // a disk that is refused needs the word for itself
    if (host_.tree.has(local_key(kTrust))) {
        written_.reset();
        return "";
    }
    if (!had_written_more()) return "";
    const auto here = end_here();
    std::string others;
    for (const auto& host : view_.storage_members()) {
        if (host == host_.me() || host_.has_answered(host))
            continue; // what it has is fetched, and then nothing is missing
        others += (others.empty() ? "" : ", ") + host;
    }
    if (others.empty()) return ""; // nobody has the rest
    return host_.me() + " had written up to " + written_->at.text() + " by " + written_->time.utc() +
           ", and finds only " + here.text() +
           ": /mars has been put back from an older picture. It does not become primary before it has fetched the "
           "rest, or "
           "has heard of " +
           others + ", too; next: see to the line to " + others + ", or marsadm --force trust-disk " + view_.name() +
           " on " + host_.me() + ", which gives up what has been written since then";
}

void Controller::warn_of_silence(const LogName& log) {
    std::string silent;
    for (const auto& host : view_.storage_members())
        if (host != host_.me() && !host_.has_answered(host)) silent += (silent.empty() ? "" : ", ") + host;
    if (silent.empty()) return;
    host_.env.log().warning("resource " + view_.name() + ": " + log.text() + " begins, and nothing has been heard of " +
                            silent + " since marsd started. Should " + silent +
                            " know of a newer log, this is a split brain: 'marsadm view " + view_.name() +
                            "' will say so when the line is back");
}

} // namespace mars::resource
