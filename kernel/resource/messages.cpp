// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/messages.hpp"

#include <algorithm>

namespace mars::resource {

namespace {

using namespace std::chrono_literals;

constexpr Duration kKeep = 10s;
constexpr std::size_t kMaxText = 900; // a message value has at most 1023 bytes, two stamps included

// The keys that must exist for every active resource.
constexpr const char* kKeys[] = {
    "err-disk-hangs",
    "err-disk-mismatch",
    "err-past-missing",
    "err-versionlink-skip",
    "err-sequence-trash",
    "inf-primary-wait",
    "inf-log-foreign-denied",
    "inf-versionlink-not-yet-exist",
    "inf-versionlink-not-equal",
    "inf-replay-not-yet-finished",
    "err-bad-log-name",
    "err-log-not-contiguous",
    "err-versionlink-not-readable",
    "err-replaylink-not-readable",
    "err-splitbrain-detected",
    "inf-fetch",
    "inf-sync",
    "inf-sync-start",
    "wrn-log-consecutive",
    "inf-replay-start",
    "wrn-space-low",
    "err-space-low",
    "err-emergency",
    "err-replay-stop",
    "inf-replay-tolerance",
};

std::string clean(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (text.size() > kMaxText) text.resize(kMaxText);
    return text;
}

} // namespace

Messages::Messages(env::Env& env, tree::Tree& tree, std::string directory)
    : env_(env), tree_(tree), directory_(std::move(directory)) {
    for (const char* key : kKeys) shown_[key];
}

void Messages::publish(const std::map<std::string, std::string>& current) {
    const bool is_quiet = current.empty() && version_ != 0 && version_ == tree_.version_of(directory_);
    if (is_quiet) return;
    for (auto& [key, text] : current) say(key, clean(text));
    const bool is_over = expire();
    version_ = is_over ? tree_.version_of(directory_) : 0;
}

void Messages::say(const std::string& key, const std::string& text) {
    version_ = 0;
    auto& shown = shown_[key];
    shown.last_said = env_.clock().steady();
    if (shown.is_ok || shown.text != text) {
        shown.text = text;
        shown.is_ok = false;
        shown.first_real = env_.clock().now();
        shown.first_lamport = tree_.lamport().now();
        const auto line = directory_ + " " + key + ": " + text;
        if (key.starts_with("err-"))
            env_.log().error(line);
        else
            env_.log().info(line);
    }
    // Costs nothing when it is there already; a full disk: next round.
    (void)tree_.set(directory_ + "/msg-" + key,
                    shown.first_real.text() + " " + shown.first_lamport.text() + " " + text);
}

// True when nothing is said any more.
bool Messages::expire() {
    bool is_over = true;
    for (auto& [key, shown] : shown_) {
        if (!shown.is_ok && env_.clock().steady() - shown.last_said < kKeep) {
            is_over = false;
            continue;
        }
        shown.is_ok = true;
        const auto told = tree_.set(directory_ + "/msg-" + key, "OK"); // a full disk: next round
        is_over = is_over && told;
    }
    return is_over;
}

} // namespace mars::resource
