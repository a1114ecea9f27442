// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/receiver.hpp"

#include <algorithm>

#include "kernel/env/portions.hpp"
#include "kernel/format/log_name.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::tree {

namespace {

// Connections that have not yet said who they are: from addresses of no member, and from each address of one.
constexpr std::size_t kMaxStrangers = 8;
constexpr std::size_t kMaxGreeting = 8;
constexpr Duration kTimeNoteInterval = std::chrono::seconds(1);
constexpr Duration kAcceptRetry = std::chrono::seconds(1);
constexpr Duration kPlausible = std::chrono::minutes(1); // a sign of life that is older is none

// A version that this host will never take, whatever the state of its disk: skipped, the rest is merged.
bool is_refusal(const failure& f) {
    return f.is(std::errc::invalid_argument) || f.is(std::errc::result_out_of_range) ||
           f.is(std::errc::is_a_directory) || f.is(std::errc::not_a_directory) || f.is(std::errc::file_exists);
}

} // namespace

struct Receiver::Session {
    Session(env::Env& env, std::unique_ptr<env::Stream> stream) : channel(env, std::move(stream)) {}

    FrameChannel channel;
    std::string host; // set by the greeting
    std::string uuid;
    std::set<std::string> peers; // whom `host` pushes to itself
    Duration last_received{};
    bool has_caught_up = false;   // a whole batch has arrived, the first one being the compare's result
    bool lacks_some = false;      // of this batch, because it could not be stored
    std::optional<failure> ended; // by us
};

// Gives the seat of a session back, however serve() is left.
class Receiver::Leave {
  public:
    Leave(Receiver& receiver, std::shared_ptr<Session> session) : receiver_(receiver), session_(std::move(session)) {}
    Leave(const Leave&) = delete;
    ~Leave() {
        session_->channel.close();
        auto seat = receiver_.sessions_.find(session_->host);
        if (seat == receiver_.sessions_.end() || seat->second != session_) return; // never had one, or was replaced
        receiver_.sessions_.erase(seat);
        for (auto& peer : session_->peers) receiver_.shared_.take_over(peer);
    }

  private:
    Receiver& receiver_;
    std::shared_ptr<Session> session_;
};

Receiver::Receiver(ExchangeShared& shared) : shared_(shared), group_(shared.env) {}

Receiver::~Receiver() = default;

result<void> Receiver::start() {
    env::Endpoint at;
    at.port = shared_.options.port;
    MARS_TRY(listener_, shared_.env.net().listen(at));
    group_.spawn("exchange listener", accept_loop());
    return {};
}

env::task<void> Receiver::stop() {
    co_await group_.stop();
    listener_.reset();
}

bool Receiver::pushes_to(std::string_view host, const std::string& peer) const {
    auto found = sessions_.find(host);
    return found != sessions_.end() && found->second->peers.contains(peer);
}

bool Receiver::has_caught_up_with(const std::string& host) const {
    auto found = sessions_.find(host);
    return found != sessions_.end() && found->second->has_caught_up;
}

std::optional<Duration> Receiver::last_received(const std::string& host) const {
    auto found = sessions_.find(host);
    if (found == sessions_.end()) return std::nullopt;
    return found->second->last_received;
}

void Receiver::check_members() {
    for (auto& [host, session] : sessions_) {
        failure why(std::errc::permission_denied, host + " is no longer welcome: its address or a uuid has changed");
        const bool is_member = shared_.tree.value("ips/ip-" + host) == session->channel.remote().address;
        if (is_member && uuids_match(shared_.uuid(), session->uuid)) continue;
        session->ended = why;
        session->channel.close();
    }
}

env::task<void> Receiver::accept_loop() {
    while (true) {
        auto stream = co_await listener_->accept();
        if (!stream) {
            shared_.quiet.warning("accept", "exchange event=accept-failed reason=" + stream.error().text);
            co_await shared_.env.clock().sleep(kAcceptRetry);
        } else if (is_crowded((*stream)->remote().address)) {
            const auto from = (*stream)->remote().address;
            shared_.quiet.warning("crowd " + from, "exchange event=too-many-greetings from=" + from);
        } else {
            auto what = "exchange with " + (*stream)->remote().address;
            group_.spawn(std::move(what), serve(std::move(*stream)));
        }
    }
}

// Strangers keep out nobody but strangers.
bool Receiver::is_crowded(const std::string& address) const {
    if (is_member_address(shared_.tree, address)) {
        const auto same = greeting_.find(address);
        return same != greeting_.end() && same->second >= kMaxGreeting;
    }
    std::size_t strangers = 0;
    for (const auto& [from, count] : greeting_)
        if (!is_member_address(shared_.tree, from)) strangers += count;
    return strangers >= kMaxStrangers;
}

env::task<void> Receiver::serve(std::unique_ptr<env::Stream> stream) {
    auto session = std::make_shared<Session>(shared_.env, std::move(stream));
    Leave leave(*this, session);
    const auto address = session->channel.remote().address;
    auto greeted = co_await greet(*session);
    if (!greeted) {
        shared_.quiet.warning("refused " + address + " " + session->host,
                              "exchange from=" + address + " event=refused reason=" + greeted.error().text);
        session->host.clear();
        co_return;
    }
    take_seat(session);
    auto ended = co_await converse(*session);
    if (session->ended) ended = *session->ended;
    if (!ended)
        shared_.quiet.warning("lost " + session->host,
                              "exchange peer=" + session->host + " event=lost reason=" + ended.error().text);
}

result<void> Receiver::admit(const ExchangeHello& hello, const std::string& address) const {
    auto& tree = shared_.tree;
    auto denied = [&](std::string why) { return failure(std::errc::permission_denied, std::move(why)); };
    const auto me = shared_.env.hostname();
    if (!is_member_address(tree, address))
        return denied("the address " + address + " belongs to no member in ips/ of " + me);
    if (!is_identifier(hello.host) || hello.host == me) return denied("'" + shown(hello.host) + "' is no other host");
    if (tree.value("ips/ip-" + hello.host) != address)
        return denied("ips/ip-" + hello.host + " on " + me + " is '" + tree.value("ips/ip-" + hello.host) + "', not " +
                      address);
    const auto uuid = shared_.uuid();
    if (uuid.empty()) return denied(me + " has no uuid, it is in no cluster");
    if (!uuids_match(uuid, hello.uuid))
        return denied("foreign cluster: " + me + " has the uuid " + uuid + ", " + hello.host + " has '" +
                      shown(hello.uuid) + "'");
    return {};
}

env::task<result<void>> Receiver::greet(Session& session) {
    struct Counted {
        Counted(std::map<std::string, std::size_t>& all, std::string a) : counts(all), address(std::move(a)) {
            ++counts[address];
        }
        ~Counted() {
            if (--counts[address] == 0) counts.erase(address);
        }
        std::map<std::string, std::size_t>& counts;
        std::string address;
    } counted(greeting_, session.channel.remote().address);
    const auto limit = shared_.options.connect_timeout;
    MARS_CO_TRY(auto frame, co_await session.channel.receive(kMaxGreetingBytes, limit));
    if (!frame) co_return failure(std::errc::connection_reset, "hung up without a word");
    if (!frame->is(ExchangeMessage::hello))
        co_return failure(std::errc::protocol_error,
                          "expected a hello, found frame type " + std::to_string(frame->type));
    MARS_CO_TRY(auto hello, parse_hello(frame->payload));
    if (auto admitted = admit(hello, session.channel.remote().address); !admitted) {
        co_await refuse(session, admitted.error());
        co_return admitted;
    }
    session.host = hello.host;
    session.uuid = hello.uuid;
    advance_clock(session, hello.sent);
    session.peers.insert(hello.peers.begin(), hello.peers.end());
    ExchangeWelcome welcome;
    welcome.host = shared_.env.hostname();
    welcome.uuid = shared_.uuid();
    welcome.sent = shared_.sent_now();
    co_return co_await session.channel.send(ExchangeMessage::welcome, encode(welcome), limit);
}

void Receiver::take_seat(std::shared_ptr<Session> session) {
    session->last_received = shared_.env.clock().steady();
    auto& seat = sessions_[session->host];
    const auto before = std::exchange(seat, session);
    if (before) { // the old connection is dead, or its end has not been noticed yet
        before->ended = failure(std::errc::connection_aborted, session->host + " has made a new connection");
        before->channel.close();
        // Also to those whom it serves again: a host that comes back after a power failure may have forgotten what it
        // had told only this one.
        for (auto& peer : before->peers) shared_.take_over(peer);
    }
    shared_.heard_from(session->host);
}

env::task<void> Receiver::refuse(Session& session, const failure& why) {
    // The peer waits for an answer, so it gets this one. If not, it learns the reason from the next attempt.
    (void)co_await session.channel.send(ExchangeMessage::refused, encode_reason(why.text),
                                        shared_.options.connect_timeout);
}

env::task<result<void>> Receiver::converse(Session& session) {
    while (true) {
        MARS_CO_TRY(auto frame, co_await session.channel.receive(format::kMaxFramePayload, shared_.options.io_timeout));
        if (session.ended) co_return *session.ended;
        if (!frame) co_return failure(std::errc::connection_reset, session.host + " has closed the connection");
        session.last_received = shared_.env.clock().steady();
        auto handled = co_await handle(session, *frame);
        if (handled) continue;
        co_await refuse(session, handled.error());
        co_return handled;
    }
}

env::task<result<void>> Receiver::handle(Session& session, const Frame& frame) {
    if (!uuids_match(shared_.uuid(), session.uuid))
        co_return failure(std::errc::permission_denied, shared_.env.hostname() + " now belongs to another cluster");
    if (frame.is(ExchangeMessage::batch)) co_return co_await merge(session, frame);
    if (frame.is(ExchangeMessage::compare)) co_return co_await answer_compare(session, frame);
    if (frame.is(ExchangeMessage::peers)) {
        MARS_CO_TRY(const auto message, parse_peers(frame.payload));
        advance_clock(session, message.sent);
        set_peers(session, message.peers);
        co_return result<void>();
    }
    if (frame.is(ExchangeMessage::ping)) {
        MARS_CO_TRY(auto message, parse_ping(frame.payload));
        advance_clock(session, message.sent);
        message.sent = shared_.sent_now();
        co_return co_await send(session, ExchangeMessage::ack, encode(message));
    }
    co_return failure(std::errc::protocol_error, "unknown frame type " + std::to_string(frame.type));
}

env::task<result<void>> Receiver::send(Session& session, ExchangeMessage type, Bytes payload) {
    co_return co_await session.channel.send(type, std::move(payload), shared_.options.io_timeout);
}

void Receiver::advance_clock(Session& session, Stamp sent) {
    if (shared_.tree.lamport().received(sent)) return;
    shared_.quiet.warning("clock " + session.host,
                          "exchange peer=" + session.host + " event=illegal-clock is=" + sent.text() +
                              " here=" + shared_.sent_now().text() + " advice=correct the system clock of " +
                              session.host + " if it is wrong, then restart marsd there");
}

void Receiver::set_peers(Session& session, const std::vector<std::string>& peers) {
    const auto before = std::exchange(session.peers, std::set<std::string>(peers.begin(), peers.end()));
    for (auto& peer : before)
        if (!session.peers.contains(peer)) shared_.take_over(peer);
}

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
