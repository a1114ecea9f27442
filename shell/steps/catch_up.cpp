// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/steps/catch_up.hpp"

#include <algorithm>
#include <cstdio>

#include "kernel/format/version_link.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"
#include "shell/command/wait.hpp"
#include "shell/steps/avoid_split.hpp"
#include "shell/steps/handover.hpp"
#include "shell/steps/handover_state.hpp"
#include "shell/systemd/activation.hpp"

namespace mars::shell {

using namespace std::chrono_literals;

namespace {

constexpr Duration kClose = 1s;    // of the line: what may still be under way
constexpr Duration kMemory = 10s;  // over which a rate is measured
constexpr Duration kShortest = 2s; // a line may begin with a burst
constexpr Duration kSilence = 3s;
constexpr std::int64_t kLittle = 256 << 10; // on a line that keeps up

double seconds(Duration d) {
    return std::chrono::duration<double>(d).count();
}

std::string bytes_text(double bytes) {
    const char* unit = "B";
    for (const char* larger : {"KiB", "MiB", "GiB", "TiB"}) {
        if (bytes < 1024) break;
        bytes /= 1024;
        unit = larger;
    }
    char text[32];
    std::snprintf(text, sizeof text, unit[0] == 'B' ? "%.0f %s" : "%.1f %s", bytes, unit);
    return text;
}

// How long anybody says that the logs are.
std::map<std::int64_t, std::int64_t> known_lengths(const VerbContext& ctx) {
    std::map<std::int64_t, std::int64_t> known;
    for (const auto& key : versions_of(ctx.view(), ctx.resource()))
        if (const auto link = format::VersionLink::parse(ctx.view().value(ctx.key(key.name))))
            known[key.id.seq] = std::max(known[key.id.seq], link->length);
    return known;
}

} // namespace

void CatchUp::note(Duration at, std::int64_t seq, std::int64_t pos, const std::map<std::int64_t, std::int64_t>& known) {
    if (lengths_.empty()) lengths_[seq] = pos;
    const auto first = lengths_.begin()->first;
    for (const auto& [number, length] : known)
        if (number >= first) lengths_[number] = std::max(lengths_[number], length);
    lengths_[seq] = std::max(lengths_[seq], pos);
    Look look;
    look.at = at;
    look.here = pos;
    for (const auto& [number, length] : lengths_) {
        if (number < seq) look.here += length;
        look.end += length;
    }
    looks_.push_back(look);
    while (looks_.size() > 2 && looks_[1].at + kMemory < at) looks_.pop_front();
}

std::optional<double> CatchUp::bytes_per_second() const {
    // Positions are told now and then: what counts is the time from one arrival to another one.
    const Look *first = nullptr, *last = nullptr;
    for (std::size_t i = 1; i < looks_.size(); ++i) {
        if (looks_[i].here <= looks_[i - 1].here) continue;
        last = &looks_[i];
        if (!first) first = last;
    }
    if (looks_.empty()) return std::nullopt;
    const auto now = looks_.back().at;
    if (!last) return now - looks_.front().at >= kSilence ? std::optional(0.0) : std::nullopt;
    const auto end = now - last->at > kSilence ? now : last->at;
    if (end - first->at < kShortest) return std::nullopt;
    return static_cast<double>(last->here - first->here) / seconds(end - first->at);
}

double CatchUp::written_per_second() const {
    if (looks_.size() < 2 || looks_.back().at == looks_.front().at) return 0;
    return static_cast<double>(looks_.back().end - looks_.front().end) / seconds(looks_.back().at - looks_.front().at);
}

bool CatchUp::is_close() const {
    if (looks_.empty()) return false;
    if (rest() <= 0) return true;
    const auto rate = bytes_per_second();
    if (rate && static_cast<double>(rest()) <= *rate * seconds(kClose)) return true;
    // The line is faster than somebody writes, and what was known a second ago is here.
    const auto& last = looks_.back();
    return std::any_of(looks_.begin(), looks_.end(), [&](const Look& earlier) {
        return earlier.at + kClose <= last.at && last.here >= earlier.end && rest() <= kLittle;
    });
}

namespace {

std::string rest_text(const CatchUp& catch_up) {
    const auto rest = static_cast<double>(catch_up.rest());
    auto text = bytes_text(rest) + " of what was written have to arrive here";
    const auto rate = catch_up.bytes_per_second();
    if (!rate) return text;
    if (*rate < 1) return text + ", and nothing arrives";
    text += ", at " + bytes_text(*rate) + "/s";
    const auto net = *rate - catch_up.written_per_second();
    if (net < *rate / 100)
        return text + ", and the application writes " + bytes_text(catch_up.written_per_second()) +
               "/s: that does not become less";
    return text + ": about " + seconds_text(Duration(static_cast<std::int64_t>(rest / net * 1e9)));
}

bool skips(VerbContext& ctx) {
    if (ctx.options().at_once || !systemd::has_application(ctx) || !takes_over_from_other(ctx)) return true;
    // Only an application that runs has something to lose by that.
    const auto now = designated_primary(ctx.view(), ctx.resource());
    return !now || systemd::wanted_host(ctx) != now ||
           ctx.view().number(ctx.actual(*now, "open-count")).value_or(0) == 0;
}

} // namespace

env::task<result<Step>> primary_catch_up(VerbContext& ctx) {
    if (ctx.is_forced() || skips(ctx)) co_return Step::done;
    auto& state = ctx.state<Handover>();
    const auto old = old_primary(ctx);
    const auto now = designated_primary(ctx.view(), ctx.resource());
    if (now != old) co_return Step::done; // somebody was quicker: the phases below find out
    MARS_CO_TRY_VOID(co_await ask_again(ctx));
    if (!has_answered_at_all(ctx, *old)) co_return Step::again;
    const auto mine = replay_of(ctx.view(), ctx.resource(), ctx.me());
    if (!mine) co_return Step::done; // the checks of the next phases say so
    state.catch_up.note(ctx.env().clock().steady(), mine->log.seq, mine->pos, known_lengths(ctx));
    if (!state.catch_up.is_close()) co_return Step::again;
    if (state.catch_up.rest() > 0 && !ctx.is_dry_run())
        ctx.out().info(ctx.label(rest_text(state.catch_up) +
                                 ", and what the application needs to end and to begin: so long it will be away"));
    co_return Step::done;
}

std::string catch_up_missing(VerbContext& ctx) {
    const auto& old = old_primary(ctx);
    if (old && !has_answered_at_all(ctx, *old)) return primary_missing(ctx);
    return rest_text(ctx.state<Handover>().catch_up) + "; the application runs on host " + old.value_or("?") +
           " meanwhile (--now: does not wait for that)";
}

std::string catch_up_stuck(VerbContext& ctx) {
    return "nothing was changed, the application runs on host " + old_primary(ctx).value_or("?") +
           "; next: give the command again when less is missing (marsadm view " + ctx.resource() +
           "), or with a longer --timeout, or with --now: then it is away while the rest arrives";
}

} // namespace mars::shell
