// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/portions.hpp"
#include "kernel/format/log_name.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/tree/paths.hpp"
#include "kernel/tree/receiver_session.hpp"

namespace mars::tree {

namespace {

constexpr Duration kTimeNoteInterval = std::chrono::seconds(1);
constexpr Duration kPlausible = std::chrono::minutes(1); // a sign of life that is older is none

// A version that this host will never take, whatever the state of its disk: skipped, the rest is merged.
bool is_refusal(const failure& f) {
    return f.is(std::errc::invalid_argument) || f.is(std::errc::result_out_of_range) ||
           f.is(std::errc::is_a_directory) || f.is(std::errc::not_a_directory) || f.is(std::errc::file_exists);
}

} // namespace

env::task<result<void>> Receiver::answer_compare(Session& session, const Frame& frame) {
    MARS_CO_TRY(const auto message, parse_compare(frame.payload));
    advance_clock(session, message.sent);
    ExchangeDiffering answer;
    answer.number = message.number;
    answer.sent = shared_.sent_now();
    env::Portions portions(shared_.env);
    for (std::uint32_t i = 0; i < message.directories.size(); ++i) {
        if (shared_.digests.of(message.directories[i].dir) != message.directories[i].digest)
            answer.indices.push_back(i);
        if (portions.is_over()) co_await portions.next();
    }
    co_return co_await send(session, ExchangeMessage::differing, encode(answer));
}

env::task<result<void>> Receiver::merge(Session& session, const Frame& frame) {
    MARS_CO_TRY(auto batch, parse_batch(frame.payload));
    advance_clock(session, batch.sent);
    auto is_ordinary = [](const KeyVersion& v) { return !is_barrier(v.path); };
    std::stable_partition(batch.versions.begin(), batch.versions.end(), is_ordinary); // M9
    result<void> stored; // one key that has no room must not keep back those that have
    env::Portions portions(shared_.env);
    for (std::size_t i = 0; i < batch.versions.size(); ++i) {
        if (!stored && is_barrier(batch.versions[i].path)) break; // they vouch for all the others
        if (portions.is_over()) {
            co_await portions.next();
            if (session.ended) co_return *session.ended;
        }
        auto merged = merge_one(session, batch.versions[i]);
        if (!merged && stored) stored = merged.error();
    }
    if (!stored) {
        session.lacks_some = batch.more;
        ExchangeUnstored missing;
        missing.number = batch.number;
        missing.sent = shared_.sent_now();
        missing.reason = stored.error().text;
        co_return co_await send(session, ExchangeMessage::unstored, encode(std::move(missing)));
    }
    const bool is_whole = !batch.more && !session.lacks_some;
    if (!batch.more) session.lacks_some = false;
    if (is_whole) session.has_caught_up = true;
    note_time(session, batch.sent, is_whole);
    ExchangeNumber done;
    done.number = batch.number;
    done.sent = shared_.sent_now();
    co_return co_await send(session, ExchangeMessage::ack, encode(done));
}

result<void> Receiver::merge_one(Session& session, const KeyVersion& version) {
    if (!is_transferable(version.path)) return {}; // M2, and directories that are not exchanged
    if (is_own_fact(version)) return defend(session, version);
    const auto before = shared_.tree.raw(version.path);
    auto applied = shared_.tree.apply(version.path, version.value, version.stamp, session.host);
    if (!applied && !is_refusal(applied.error()))
        return applied.error().with(shared_.env.hostname() + " cannot store '" + version.path + "'");
    if (!applied) {
        shared_.quiet.warning("key " + session.host,
                              "exchange peer=" + session.host + " event=key-refused reason=" + applied.error().text);
    } else if (*applied) {
        after_applied(version, before);
    } else if (auto ours = shared_.tree.raw(version.path);
               ours && ours->stamp > version.stamp && !is_barrier(version.path)) {
        shared_.send_back(session.host, version.path); // rule 4
    }
    return {};
}

// True when `version` is news from elsewhere about what only this host can know. A restored or reinstalled host must
// not jump to where its earlier life had been. Claims about what it has no value for are taken: without a witness of
// the disk they count for nothing (docs/formats/witness.md). So are deletions of what is past, or when it is no member.
bool Receiver::is_own_fact(const KeyVersion& version) const {
    const auto& me = shared_.env.hostname();
    if (!is_written_by(version.path, me)) return false;
    const auto ours = shared_.tree.get(version.path);
    if (!ours || ours->value == version.value || version.stamp < ours->stamp) return false;
    if (version.value != kDeleted) return true;
    const auto [dir, name] = split_path(version.path);
    const auto resource = std::string(dir.substr(0, dir.find('/')));
    if (!resource.starts_with("resource-")) return shared_.tree.has("ips/ip-" + me);
    if (!shared_.tree.has(join_path(resource, "data-" + me))) return false;
    if (const auto past = format::parse_numbered_name("version", name)) { // housekeeping
        const auto replay = format::ReplayLink::parse(shared_.tree.value(join_path(resource, "replay-" + me)));
        return !replay || past->seq + 1 >= replay->log.seq;
    }
    return true;
}

// The own value wins everywhere: it gets a stamp that is newer than the one that has come.
result<void> Receiver::defend(Session& session, const KeyVersion& version) {
    if (!shared_.tree.lamport().is_legal(version.stamp)) return {}; // told with the keys that are refused
    shared_.tree.lamport().seen(version.stamp);
    const auto ours = shared_.tree.value(version.path);
    MARS_TRY_VOID(shared_.tree.touch(version.path, ours));
    shared_.quiet.warning("own " + version.path, "exchange peer=" + session.host +
                                                     " event=own-key-defended key=" + version.path +
                                                     " claimed=" + shown(version.value) + " is=" + shown(ours)); // M11
    return {};
}

// This host has been made to leave: what it knows of itself goes, too.
void Receiver::forget_own_facts(const std::string& resource) {
    const auto& me = shared_.env.hostname();
    for (const auto& dir : {resource, join_path(resource, "actual-" + me)})
        for (const auto& name : shared_.tree.list(dir))
            if (const auto path = join_path(dir, name); is_written_by(path, me)) (void)shared_.tree.remove(path);
}

void Receiver::after_applied(const KeyVersion& version, const std::optional<Link>& before) {
    const auto [dir, name] = split_path(version.path);
    if (before && version.value == kDeleted && name == "data-" + shared_.env.hostname())
        forget_own_facts(std::string(dir));
    // A host that was put back hears of its own history from one member: the others may wait for it, too.
    if (version.value != kDeleted && format::parse_numbered_name("version", name) &&
        is_written_by(version.path, shared_.env.hostname()))
        (void)shared_.tree.touch(version.path, version.value);
    // News of a host by others are news, too, and their stamps are of its clock, not of this host's. (What a host that
    // is long dead has said last may come late.)
    const auto now = shared_.env.clock().now();
    if (dir.starts_with("actual-") && dir.find('/') == std::string_view::npos && name == "alive" &&
        dir != "actual-" + shared_.env.hostname() && now - version.stamp < kPlausible)
        (void)shared_.tree.set(join_path(dir, "read-time"), now.text());
    auto touched = shared_.store.touch_systemd_trigger(version.path, shared_.tree.lamport().now());
    if (!touched) shared_.quiet.warning("trigger", "exchange event=trigger-not-touched reason=" + touched.error().text);
}

void Receiver::note_time(Session& session, Stamp sent, bool is_complete) {
    const auto now = shared_.env.clock().steady();
    auto& noted = time_noted_.try_emplace(session.host, now - kTimeNoteInterval).first->second;
    if (!is_complete || now - noted < kTimeNoteInterval) return;
    noted = now;
    auto done = shared_.tree.touch("actual-" + session.host + "/read-stamp", sent.text()); // M10; stays on this host
    if (done) done = shared_.tree.set("actual-" + session.host + "/read-time", shared_.env.clock().now().text());
    if (!done) shared_.quiet.warning("read-stamp", "exchange event=read-stamp-failed reason=" + done.error().text);
}

} // namespace mars::tree
