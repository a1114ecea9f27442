// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/attached_disk.hpp"

#include <cerrno>

namespace mars::resource {

namespace {

constexpr Duration kDiskRetry = std::chrono::seconds(5); // a disk that is missing, or not believed in
constexpr Duration kHangs = std::chrono::seconds(20);    // a disk that is only busy answers sooner
constexpr const char* kTrust = "trust-disk";
constexpr const char* kJoined = "joined-disk"; // its path, as marsadm join-resource on this host was told

} // namespace

env::task<bool> AttachedDisk::open() {
    const auto path = context_.host.tree.value(context_.view.key("data-" + context_.me()));
    // To look at it takes up to 2 s: not with each piece of log that is fetched meanwhile.
    const auto wish = path + " " + context_.host.tree.value(context_.view.key("syncstatus-" + context_.me())) + " " +
                      std::to_string(context_.view.size()) + context_.host.tree.value(context_.local_key(kTrust));
    const auto since = context_.now() - tried_at_;
    if (wish == wish_ && since < kDiskRetry) {
        context_.round.look_again_in(kDiskRetry - since);
        co_return false;
    }
    wish_ = wish;
    tried_at_ = context_.now();
    if (path.empty() || context_.view.size() <= 0) {
        error_ = 0; // a guest, or a resource whose size has not arrived yet
        if (!path.empty())
            context_.round.say("inf-replay-start",
                               context_.view.key("size") + " is missing or no number of bytes: nothing can be done");
        co_return false;
    }
    if (!is_named_here(path)) {
        (void)refuse_disk(
            "disk " + path +
            " is no device, and nobody has named it on this host: other members cannot choose a file here; "
            "next: marsadm trust-disk " +
            context_.view.name() + " on " + context_.me() + " if it is the right one");
        co_return false;
    }
    auto opened = co_await block::Disk::open(context_.host.env, path, static_cast<std::uint64_t>(context_.view.size()));
    if (!opened) {
        if (error_ != -opened.error().code.value())
            context_.host.env.log().error("resource " + context_.view.name() + ": disk " + opened.error().text);
        error_ = -opened.error().code.value();
        if (opened.error().is(std::errc::device_or_resource_busy)) note_held_disk();
        co_return false;
    }
    std::shared_ptr<block::Disk> disk = std::move(*opened);
    const Word word{context_.view.primary(), is_trusted()};
    const bool is_right = co_await is_believed(disk, word);
    if (!is_right) co_return false;
    const bool is_kept = co_await take_first_witness(disk, word);
    if (!is_kept) co_return false;
    disk_ = std::move(disk);
    error_ = 0;
    doubt_.clear();
    wish_.clear();
    co_return true;
}

// Any member can write this host's keys as long as there are none. What is a device has an owner who locks it; a file
// could be anything.
bool AttachedDisk::is_named_here(const std::string& path) const {
    const bool is_device = path.starts_with("/dev/") && path.find("/../") == std::string::npos;
    return is_device || is_trusted() || context_.host.tree.value(context_.local_key(kJoined)) == path ||
           context_.host.env.storage().status(context_.host.tree.absolute(context_.local_key(kWitness)));
}

// As long as the old one is there, the name cannot be opened a second time.
env::task<void> AttachedDisk::look_for_return(bool is_in_use) {
    if (!disk_ || !disk_->is_suspect()) co_return;
    const auto since = context_.now() - tried_at_;
    if (since < kDiskRetry) {
        context_.round.look_again_in(kDiskRetry - since);
        co_return;
    }
    tried_at_ = context_.now();
    const auto disk = disk_;
    auto path = context_.host.tree.value(context_.view.key("data-" + context_.me()));
    auto opened = co_await block::Disk::open(context_.host.env, std::move(path), disk->size());
    if (!opened) {
        if (opened.error().is(std::errc::device_or_resource_busy)) disk->trust_again();
        co_return;
    }
    std::shared_ptr<block::Disk> other = std::move(*opened);
    const Word word{context_.view.primary(), is_trusted()};
    const bool is_right = co_await is_believed(other, word);
    if (!is_right) co_return;
    const bool is_kept = co_await take_first_witness(other, word);
    if (!is_kept) co_return;
    const auto continued = disk->continue_on(*other, is_in_use);
    if (!continued) {
        error_ = -continued.error().code.value();
        context_.quiet.warning("return", context_.prefix() + continued.error().text);
        co_return;
    }
    error_ = 0;
    doubt_.clear();
    context_.host.env.log().info(context_.prefix() + "disk " + disk->path() +
                                 " is back, and holds what it should: work goes on with it");
}

env::task<void> AttachedDisk::close(bool is_copied) {
    co_await renew_witness(true, is_copied);
    witness_.reset();
    disk_.reset();
}

bool AttachedDisk::is_trusted() const {
    return context_.host.tree.has(context_.local_key(kTrust));
}

// The operator's word is for once.
void AttachedDisk::withdraw_trust() {
    if (is_trusted()) (void)context_.host.tree.remove(context_.local_key(kTrust));
}

bool AttachedDisk::is_hanging() const {
    return disk_ && disk_->waited() >= kHangs;
}

std::string AttachedDisk::hanging_text() const {
    return "disk " + disk_->path() + " has not answered a request for more than " +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(kHangs).count()) +
           " s: nothing gets on with it; next: look at it on " + context_.me() +
           " (dmesg, iostat, multipath -ll). When it answers, all goes on by itself; to use another host's copy "
           "meanwhile, "
           "the device has to be closed first";
}

// `even_less`: also when the mark says that there was more.
env::task<void> AttachedDisk::note_written(format::LogPosition at, bool even_less) {
    if (!even_less && written_ && format::compare_progress(written_->at, at) > 0) co_return;
    written_.reset();
    auto uuid = context_.host.tree.value("uuid"); // named: g++ 12 destroys temporaries of a co_await twice
    auto noted = co_await mark_.note(std::move(uuid), std::move(at));
    if (!noted)
        context_.quiet.warning("mark", "resource " + context_.view.name() +
                                           ": how far it has come is not noted: " + noted.error().text);
}

// Told with a disk that does not fit: a newer disk than /mars knows is no wrong one.
std::string AttachedDisk::older_picture() const {
    const auto here = witness_question().position;
    if (!written_ || format::compare_progress(written_->at, here) <= 0) return "";
    return "; this host had come to " + written_->at.text() + " by " + written_->time.utc() +
           ", so /mars has been put back from an older picture: when all logs are here again, the disk is looked at "
           "anew";
}

// The end of the logs that are here without a gap.
format::LogPosition AttachedDisk::end_here() const {
    const auto question = witness_question();
    auto here = question.position;
    for (const auto& log : question.logs) {
        const format::LogPosition end{log.name, log.length};
        if (format::compare_progress(end, here) > 0) here = end;
    }
    return here;
}

bool AttachedDisk::had_written_more() const {
    return written_ && format::compare_progress(written_->at, end_here()) > 0;
}

// Why this host must not go on as primary by itself: it had written more than it finds, so /mars has been put back from
// an older picture, and a member that is not heard of may have the rest. Of a member that is heard of, decide() knows
// what is to be fetched. Empty: nothing speaks against it.
std::string AttachedDisk::missing_past(bool is_appending) {
    if (disk_ && context_.view.primary() != context_.me()) withdraw_trust();
    if (!written_ || !disk_ || is_appending) return ""; // a disk that is refused needs the word for itself
    if (is_trusted()) {
        written_.reset();
        return "";
    }
    if (!had_written_more()) return "";
    const auto here = end_here();
    std::string others;
    for (const auto& host : context_.view.storage_members()) {
        if (host == context_.me() || context_.host.has_answered(host))
            continue; // what it has is fetched, and then nothing is missing
        others += (others.empty() ? "" : ", ") + host;
    }
    if (others.empty()) return ""; // nobody has the rest
    return context_.me() + " had written up to " + written_->at.text() + " by " + written_->time.utc() +
           ", and finds only " + here.text() +
           ": /mars has been put back from an older picture. It does not become primary before it has fetched the "
           "rest, or "
           "has heard of " +
           others + ", too; next: see to the line to " + others + ", or marsadm --force trust-disk " +
           context_.view.name() + " on " + context_.me() + ", which gives up what has been written since then";
}

} // namespace mars::resource
