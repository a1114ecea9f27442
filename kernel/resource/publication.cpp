// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/publication.hpp"

namespace mars::resource {

namespace {

// For the admin tools of 0.1a, the role must be younger than 30 s, and who has the device open younger than 120 s. All
// others know how old what a host has told is by when the host itself was heard of.
constexpr Duration kRoleBeat = std::chrono::seconds(26);
constexpr Duration kOpenersBeat = std::chrono::seconds(110);

using Value = std::optional<std::string>; // nullopt: the key is left alone

enum class Renewal { when_changed, role, openers };

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
    {"actual-%/open-count", Renewal::openers, [](const Facts& f) { return number(f.open_count); }},
    {"actual-%/if-on", Renewal::openers, [](const Facts& f) { return flag(f.device_exists); }},
    {"actual-%/is-primary", Renewal::role, [](const Facts& f) { return flag(f.is_primary); }},
    // A handover relies on it.
    {"actual-%/primary-seen", Renewal::when_changed,
     [](const Facts& f) { return f.primary_seen.empty() ? Value() : Value(f.primary_seen); }},
};

// What changes while data flow; told behind the positions.
constexpr Row kRates[] = {
    {"actual-%/replay-stamp", Renewal::when_changed,
     [](const Facts& f) { return f.newest_applied ? Value(f.newest_applied->text()) : Value(); }},
    {"actual-%/write-burst", Renewal::when_changed,
     [](const Facts& f) { return f.burst ? Value(f.burst->text()) : Value(); }},
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
    : env_(env), tree_(tree), view_(std::move(view)),
      directory_(view_.key("actual-" + env.hostname())), roles_{kRoleBeat}, openers_{kOpenersBeat} {}

void Publication::publish_state(const Facts& facts) {
    const bool is_role = is_due(roles_), is_openers = is_due(openers_);
    if (!is_role && !is_openers && is_told(state_, facts)) return;
    bool is_complete = true;
    for (const auto& row : kState) {
        const auto value = row.value(facts);
        if (!value) continue;
        const bool is_beat =
            (is_role && row.renewal == Renewal::role) || (is_openers && row.renewal == Renewal::openers);
        const bool told = is_beat ? beat(row.key, *value) : set(row.key, *value);
        is_complete = is_complete && told;
    }
    state_.facts.reset();
    if (is_complete) remember(state_, facts);
}

void Publication::publish_rates(const Facts& facts) {
    if (is_told(rates_, facts)) return;
    bool is_complete = true;
    for (const auto& row : kRates)
        if (const auto value = row.value(facts)) is_complete = set(row.key, *value) && is_complete;
    rates_.facts.reset();
    if (is_complete) remember(rates_, facts);
}

// Somebody may have removed or replaced a key.
bool Publication::is_told(const Told& told, const Facts& facts) const {
    return told.of_host != 0 && told.of_host == tree_.version_of(directory_) && told.of_resource != 0 &&
           told.of_resource == tree_.version_of(tree::resource_dir(view_.name())) && told.facts == facts;
}

void Publication::remember(Told& told, const Facts& facts) const {
    told.facts = facts;
    told.of_host = tree_.version_of(directory_);
    told.of_resource = tree_.version_of(tree::resource_dir(view_.name()));
}

// Not all resources at the same time.
bool Publication::is_due(Beat& beat) {
    const auto now = env_.clock().steady();
    if (now < beat.next) return false;
    const auto spread = static_cast<std::uint64_t>((beat.interval / 8).count());
    beat.next = now + beat.interval - Duration(static_cast<std::int64_t>(env_.random().below(spread)));
    return true;
}

void Publication::begin() {
    set("actual-%/if-on", "0");
    set("actual-%/open-count", "0");
}

bool Publication::set(std::string_view key, std::string_view value) {
    return tree_.set(full_key(key), value).has_value();
}

bool Publication::beat(std::string_view key, std::string_view value) {
    return tree_.touch(full_key(key), value).has_value();
}

std::string Publication::full_key(std::string_view key) const {
    std::string text(key);
    if (const auto host = text.find('%'); host != std::string::npos) text.replace(host, 1, env_.hostname());
    return view_.key(text);
}

} // namespace mars::resource
