// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/publication.hpp"

namespace mars::resource {

namespace {

// Heartbeats must be younger than 30 s for admin tools.
constexpr Duration kBeat = std::chrono::seconds(10);

using Value = std::optional<std::string>; // nullopt: the key is left alone

enum class Renewal { when_changed, beat };

struct Row {
    std::string_view key; // '%' is this host
    Renewal renewal;
    Value (*value)(const Facts&);
};

Value flag(bool on) {
    return on ? "1" : "0";
}

Value number(auto value) {
    return std::to_string(value);
}

constexpr Row kState[] = {
    {"actsize-%", Renewal::when_changed, [](const Facts& f) { return f.disk_size ? number(*f.disk_size) : Value(); }},
    {"actual-%/is-attached", Renewal::when_changed, [](const Facts& f) { return flag(f.disk_size.has_value()); }},
    {"actual-%/is-replaying", Renewal::when_changed, [](const Facts& f) { return flag(f.is_replaying); }},
    {"actual-%/is-copying", Renewal::when_changed, [](const Facts& f) { return flag(f.is_fetching); }},
    {"actual-%/is-syncing", Renewal::when_changed, [](const Facts& f) { return flag(f.is_syncing); }},
    {"actual-%/disk-error", Renewal::when_changed, [](const Facts& f) { return number(f.disk_error); }},
    {"actual-%/has-emergency", Renewal::when_changed, [](const Facts&) { return flag(false); }},
    {"actual-%/is-emergency", Renewal::when_changed, [](const Facts&) { return flag(false); }},
    {"actual-%/damaged-log", Renewal::when_changed,
     [](const Facts& f) { return Value(f.damaged_log ? f.damaged_log->text() : std::string(tree::kNone)); }},
    {"actual-%/replay-code", Renewal::when_changed, [](const Facts& f) { return Value(f.replay_code); }},
    {"actual-%/if-state", Renewal::when_changed, [](const Facts& f) { return number(f.device_error); }},
    {"actual-%/open-count", Renewal::beat, [](const Facts& f) { return number(f.open_count); }},
    {"actual-%/if-on", Renewal::beat, [](const Facts& f) { return flag(f.device_exists); }},
    {"actual-%/is-primary", Renewal::beat, [](const Facts& f) { return flag(f.is_primary); }},
    // A handover relies on it.
    {"actual-%/primary-seen", Renewal::when_changed,
     [](const Facts& f) { return f.primary_seen.empty() ? Value() : Value(f.primary_seen); }},
};

constexpr Row kRates[] = {
    {"actual-%/amount-file_rate", Renewal::when_changed, [](const Facts& f) { return number(f.fetch_rate.amount); }},
    {"actual-%/ops-file_rate", Renewal::when_changed, [](const Facts& f) { return number(f.fetch_rate.operations); }},
    {"actual-%/amount-replay_rate", Renewal::when_changed, [](const Facts& f) { return number(f.replay_rate.amount); }},
    {"actual-%/ops-replay_rate", Renewal::when_changed,
     [](const Facts& f) { return number(f.replay_rate.operations); }},
    {"actual-%/amount-sync_rate", Renewal::when_changed, [](const Facts& f) { return number(f.sync_rate.amount); }},
    {"actual-%/ops-sync_rate", Renewal::when_changed, [](const Facts& f) { return number(f.sync_rate.operations); }},
};

} // namespace

Publication::Publication(env::Env& env, tree::Tree& tree, ResourceView view)
    : env_(env), tree_(tree), view_(std::move(view)) {}

void Publication::publish_state(const Facts& facts) {
    const auto now = env_.clock().steady();
    const bool is_beat = last_beat_ < Duration(0) || now - last_beat_ >= kBeat;
    for (const auto& row : kState) {
        const auto value = row.value(facts);
        if (!value) continue;
        if (is_beat && row.renewal == Renewal::beat)
            beat(row.key, *value);
        else
            set(row.key, *value);
    }
    if (is_beat) last_beat_ = now;
}

void Publication::publish_rates(const Facts& facts) {
    for (const auto& row : kRates)
        if (const auto value = row.value(facts)) set(row.key, *value);
}

void Publication::begin() {
    set("actual-%/if-on", "0");
    set("actual-%/open-count", "0");
}

void Publication::set(std::string_view key, std::string_view value) {
    (void)tree_.set(full_key(key), value);
}

void Publication::beat(std::string_view key, std::string_view value) {
    (void)tree_.touch(full_key(key), value);
}

std::string Publication::full_key(std::string_view key) const {
    std::string text(key);
    if (const auto host = text.find('%'); host != std::string::npos) text.replace(host, 1, env_.hostname());
    return view_.key(text);
}

} // namespace mars::resource
