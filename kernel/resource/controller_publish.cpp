// SPDX-License-Identifier: GPL-2.0-or-later
// What a Controller tells the tree about the state of its resource. Spec: symlink-tree 2.7, 2.12.
#include "kernel/resource/controller.hpp"

namespace mars::resource {

using namespace std::chrono_literals;

namespace {
// Heartbeats must be younger than 30 s for admin tools.
constexpr Duration kBeat = 10s;
constexpr Duration kHangs = 20s; // a disk that is only busy answers sooner

} // namespace

void Controller::publish(std::string_view key, std::string_view value) {
    // Best effort: a full /mars must not stop the data path; the next round tries again.
    (void)host_.tree.set(view_.key(key), value);
}

void Controller::beat(std::string_view key, std::string_view value) {
    (void)host_.tree.touch(view_.key(key), value);
}

env::task<void> Controller::note_primary() {
    auto noted = co_await role_note_.renew([] { return true; });
    if (!noted) say("err-replay-stop", noted.error().text);
}

// For others, who wait for it, while a round may be held up by a disk or a log. A host that holds the role, or is about
// to, tells only between its steps what it acts upon.
env::task<void> Controller::tell_role() {
    const auto is_free = [this] { return !append_.is_running() && !is_starting_; };
    if (!is_free()) co_return;
    (void)co_await role_note_.renew(is_free); // the round tells of failures
    if (!role_note_.seen().empty()) publish("actual-" + host_.me() + "/primary-seen", role_note_.seen());
}

// The host was stopped in order after it had seen this version of `primary`: it asks before it takes the role.
bool Controller::is_stopped(const std::string& host) const {
    const auto seen = host_.tree.get(view_.key("actual-" + host + "/primary-seen"));
    const auto stopped = host_.tree.get("actual-" + host + "/stopped");
    return seen && stopped && seen->stamp < stopped->stamp && host_.tree.value("actual-" + host + "/alive") == "0";
}

// It knew by then that nobody is designated.
bool Controller::has_said_goodbye(const std::string& host) const {
    const auto seen = host_.tree.value(view_.key("actual-" + host + "/primary-seen"));
    return seen.starts_with(std::string(tree::kNone) + ",") && is_stopped(host);
}

// Members that have not yet seen that this host is to be primary, or are primary themselves: those that can be reached;
// the primary before this one in any case, because it is who decides between two that want to follow it; and if that
// has said goodbye, all.
// What these have written until then may still be under way: those that can be reached answer once more.
std::string Controller::unaware_members() {
    const auto primary = host_.tree.get(view_.key("primary"));
    if (!primary || primary->value != host_.me() || append_.is_running()) {
        role_asked_.reset();
        return "";
    }
    if (role_note_.seen() != RoleNote::text_of(*primary)) return host_.me(); // not durable
    const auto before = host_.tree.value(view_.key("userspace/prev-primary"));
    const bool decide_all = before != host_.me() && has_said_goodbye(before);
    std::string found;
    std::vector<std::string> to_answer;
    for (const auto& host : view_.storage_members()) {
        if (host == host_.me()) continue;
        const auto actual = view_.key("actual-" + host) + "/";
        const auto seen = host_.tree.value(actual + "primary-seen");
        const bool is_rival = seen.starts_with(host + ","); // it believes that it is the one itself
        if (host == before ? has_said_goodbye(host) : is_stopped(host)) continue;
        const bool decides = decide_all || host == before;
        if (!decides && !host_.is_reachable(host) && !(is_rival && is_alive(host))) continue;
        const bool has_seen = seen == role_note_.seen() || seen.empty(); // releases that do not tell
        if (has_seen && !host_.tree.flag(actual + "is-primary")) {
            if (!seen.empty() && host_.is_reachable(host)) to_answer.push_back(host);
            continue;
        }
        found += (found.empty() ? "" : ", ") + host;
    }
    if (!found.empty() || to_answer.empty()) {
        role_asked_.reset();
        return found;
    }
    if (!role_asked_) {
        const auto asked = host_.questions.ask();
        if (!asked) return host_.me(); // a full /mars: tried again
        role_asked_ = *asked;
    }
    for (const auto& host : to_answer)
        if (!host_.questions.has_answered(host, *role_asked_)) found += (found.empty() ? "" : ", ") + host;
    return found;
}

env::task<void> Controller::tell() {
    const bool told = co_await publish_positions();
    if (!is_recovered_) co_return;
    publish_switches();
    if (disk_ && disk_->waited() >= kHangs) // the rounds may be waiting for it
        messages_.say("err-disk-hangs", hanging_text());
    if (told && append_.is_running()) beat("actual-" + host_.me() + "/is-primary", "1"); // so old are the positions
}

void Controller::publish_state(const Plan& plan) {
    publish_switches();
    publish_messages(plan);
}

void Controller::publish_switches() {
    const std::string actual = "actual-" + host_.me() + "/";
    auto flag = [](bool on) { return on ? "1" : "0"; };
    const bool is_beat = last_beat_ < Duration(0) || host_.env.clock().steady() - last_beat_ >= kBeat;
    auto alive = [&](const char* key, const std::string& value) {
        if (is_beat)
            beat(actual + key, value);
        else
            publish(actual + key, value);
    };
    if (disk_) publish("actsize-" + host_.me(), std::to_string(disk_->size()));
    publish(actual + "is-attached", flag(disk_ != nullptr));
    publish(actual + "is-replaying", flag(replay_.is_running()));
    publish(actual + "is-copying", flag(fetch_.is_running()));
    publish(actual + "is-syncing", flag(sync_.is_running()));
    publish(actual + "disk-error", std::to_string(disk_error_));
    publish(actual + "has-emergency", "0");
    publish(actual + "is-emergency", "0");
    publish(actual + "damaged-log", damage_ ? damage_->log.text() : std::string(tree::kNone));
    publish(actual + "replay-code", replay_.is_running() || append_.is_running() ? "0" : last_replay_.code.text());
    const auto device_failure = append_.failed();
    publish(actual + "if-state", device_failure ? std::to_string(-device_failure->code.value()) : "0");
    alive("open-count", std::to_string(append_.open_count()));
    alive("if-on", flag(append_.device_exists()));
    alive("is-primary", flag(append_.is_running()));
    // Which version of `primary` this host acts upon: a handover relies on it.
    if (!role_note_.seen().empty()) publish(actual + "primary-seen", role_note_.seen());
    if (is_beat) last_beat_ = host_.env.clock().steady();
}

void Controller::publish_rates() {
    const std::string actual = "actual-" + host_.me() + "/";
    auto rate = [&](const char* name, const block::Limiter& limiter, bool running) {
        publish(actual + "amount-" + name, std::to_string(running ? limiter.amount_rate() : 0));
        publish(actual + "ops-" + name, std::to_string(running ? limiter.operations_rate() : 0));
    };
    rate("file_rate", fetch_.rate(), fetch_.is_running());
    rate("replay_rate", replay_.rate(), replay_.is_running());
    rate("sync_rate", sync_.rate(), sync_.is_running());
}

std::string Controller::hanging_text() const {
    return "disk " + disk_->path() + " has not answered a request for more than " +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(kHangs).count()) +
           " s: nothing gets on with it; next: look at it on " + host_.me() +
           " (dmesg, iostat, multipath -ll). When it answers, all goes on by itself; to use another host's copy "
           "meanwhile, "
           "the device has to be closed first";
}

std::string Controller::replay_trouble() const {
    auto text = last_replay_.text;
    if (!damage_) return text;
    if (repair_.is_running()) return text + "; members are being asked for what is damaged";
    if (!view_.todo(host_.me(), "connect"))
        return text + "; fetch is paused on " + host_.me() +
               ", so that nobody is asked for what is damaged; next: " + "marsadm resume-fetch " + view_.name() +
               " there";
    if (!repair_.trouble().empty()) text += "; nobody can replace it: " + repair_.trouble();
    return text;
}

void Controller::publish_messages(const Plan& plan) {
    auto messages = plan.messages;
    messages.insert(said_.begin(), said_.end());
    if (fetch_.has_conflict()) messages.emplace("err-splitbrain-detected", fetch_.trouble());
    if (fetch_.is_running() && !fetch_.trouble().empty()) messages.emplace("inf-fetch", fetch_.trouble());
    if (fetch_.is_hopeless())
        messages.emplace("err-log-not-contiguous",
                         fetch_.log().text() + " is here up to byte " +
                             std::to_string(logs_->length(fetch_.log()).value_or(0)) + " of " +
                             std::to_string(view_.final_length(fetch_.log()).value_or(0)) +
                             ", and no other member has it any more: this replica cannot follow; next: marsadm "
                             "invalidate " +
                             view_.name() + " on " + host_.me());
    if (!sync_.trouble().empty()) messages.emplace("inf-sync", sync_.trouble());
    if (disk_ && disk_->waited() >= kHangs) messages.emplace("err-disk-hangs", hanging_text());
    if (!disk_doubt_.empty()) messages.emplace("err-disk-mismatch", disk_doubt_);
    if (damage_ || last_replay_.code.code < 0) messages.emplace("err-replay-stop", replay_trouble());
    if (auto failed = append_.failed()) messages.emplace("err-replay-stop", failed->text);
    messages_.publish(messages);
}

} // namespace mars::resource
