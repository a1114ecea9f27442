// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/scenario.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "kernel/format/log_scan.hpp"
#include "kernel/format/replay_link.hpp"
#include "kernel/tree/paths.hpp"
#include "tests/sim/cluster.hpp"
#include "tests/sim/offline.hpp"

namespace mars::sim {

namespace {

using namespace std::chrono_literals;

class Scenario {
  public:
    Scenario(std::uint64_t seed, const ScenarioOptions& options)
        : options_(options), cluster_(seed, 2 + seed % 3), random_(cluster_.world().random()) {
        cluster_.world().print_trace = options.print_trace;
    }

    ScenarioResult run() {
        result_.wrong = cluster_.set_up();
        if (!result_.wrong.empty()) result_.wrong = "set-up: " + result_.wrong;
        for (int i = 0; i < options_.steps && is_fine(); ++i) step();
        if (is_fine()) calm_down();
        if (is_fine()) check_end();
        result_.digest = cluster_.world().trace_digest();
        result_.writes = cluster_.history().started();
        result_.acknowledged = cluster_.history().acknowledged();
        return result_;
    }

  private:
    bool is_fine() const { return result_.wrong.empty(); }
    Node& any() { return cluster_.node(random_.below(cluster_.size())); }
    void report(const std::string& what) {
        if (is_fine() && !what.empty()) result_.wrong = what;
    }

    // --- random steps ------------------------------------------------------------------------------------------------

    void step() {
        switch (random_.below(16)) {
        case 0:
        case 1:
            break; // just let it run
        case 2:
            cut();
            break;
        case 3:
            cluster_.world().network().heal_all();
            break;
        case 4:
        case 5:
            crash();
            break;
        case 6:
        case 7:
            hand_over();
            break;
        case 8:
            switch_something();
            break;
        case 9:
            rotate();
            break;
        case 10:
            invalidate();
            break;
        case 11:
            take_picture();
            break;
        case 12:
            change_storage();
            break;
        case 13:
            restore_primary();
            break;
        case 14:
            remove_log();
            break;
        default:
            any().machine.clock_skew += random_.between(-2s, 2s);
            break;
        }
        cluster_.world().run_for(random_.between(200ms, 6s));
        check_one_device();
        check_ends_of_syncs();
        if (random_.chance(50)) boot_all();
    }

    void cut() {
        auto& a = any();
        auto& b = any();
        if (&a != &b) cluster_.world().network().cut(a.machine.address(), b.machine.address());
    }

    void crash() {
        auto& node = any();
        if (!node.is_up()) return;
        incomplete_.erase(&node);
        ++result_.crashes;
        if (node.exports->exists(kResource) && random_.chance(25) && !is_fetching_back())
            if (const auto newest = newest_log_of(node)) return damage_log_at_rest(node, *newest);
        if (random_.chance(50))
            cluster_.power_cut(node);
        else
            cluster_.kill(node);
        check_host(node);
        if (random_.chance(70)) {
            cluster_.world().run_for(random_.between(0s, 3s));
            cluster_.boot(node);
        }
    }

    void boot_all() {
        for (std::size_t i = 0; i < cluster_.size(); ++i)
            if (!cluster_.node(i).is_up()) cluster_.boot(cluster_.node(i));
    }

    // The application is stopped in order, except that it is sometimes still running: then the verb must refuse.
    void hand_over() {
        auto& target = any();
        if (!target.is_up()) return;
        std::vector<Node*> targets{&target}; // often several at once: two cluster managers see the same event
        while (random_.chance(30) && targets.size() < 3)
            if (auto& other = any();
                other.is_up() && std::find(targets.begin(), targets.end(), &other) == targets.end())
                targets.push_back(&other);
        auto holders = cluster_.hosts_with_device();
        const bool in_order = random_.chance(85);
        if (in_order)
            for (auto* holder : holders) cluster_.stop_application(*holder);
        if (random_.chance(30)) // lines break in the middle of it
            for (int i = 0; i < 2; ++i)
                cluster_.world().after(random_.between(0s, 2s),
                                       [this, a = any().machine.address(), b = any().machine.address()] {
                                           if (a != b && !is_over_) cluster_.world().network().cut(a, b);
                                       });
        const auto before = cluster_.link(target, resource_directory() + "/primary");
        const auto trouble = trouble_of_a_handover();
        for (const auto& ended : cluster_.run_verbs(targets, {"primary", kResource, "--timeout=30"}, 120s, trouble))
            if (ended.exit == 0) ++result_.handovers;
        start_applications();
        // A command that could end by itself has completed, or has given everything back.
        const auto after = cluster_.link(target, resource_directory() + "/primary");
        const bool was_interrupted = trouble && trouble->kind == Cluster::Trouble::Kind::interrupt;
        if (targets.size() == 1 && (!trouble || was_interrupted) && target.is_up() && before != "(none)" &&
            after == "(none)")
            report("the handover to " + target.machine.name() + " has left nobody designated");
    }

    // Ctrl-C, or the end of the command or of any host, at any moment.
    std::optional<Cluster::Trouble> trouble_of_a_handover() {
        if (!random_.chance(40)) return std::nullopt;
        Cluster::Trouble trouble;
        trouble.at = random_.between(0ms, random_.chance(70) ? 500ms : 5s);
        if (random_.chance(50)) {
            trouble.kind = Cluster::Trouble::Kind::interrupt;
        } else if (random_.chance(50)) {
            trouble.kind = Cluster::Trouble::Kind::kill;
        } else {
            trouble.other = [this, &node = any()] {
                if (!node.is_up()) return;
                incomplete_.erase(&node);
                ++result_.crashes;
                if (random_.chance(50))
                    cluster_.power_cut(node);
                else
                    cluster_.kill(node);
                check_host(node);
                if (random_.chance(70)) cluster_.boot(node);
            };
        }
        return trouble;
    }

    void switch_something() {
        static const char* verbs[] = {"pause-fetch", "resume-fetch", "pause-replay", "resume-replay",
                                      "pause-sync",  "resume-sync",  "disconnect",   "connect",
                                      "detach",      "attach",       "up",           "up"};
        auto& node = any();
        if (node.is_up()) cluster_.run_verb(node, {verbs[random_.below(std::size(verbs))], kResource, "--timeout=10"});
    }

    void rotate() {
        auto holders = cluster_.hosts_with_device();
        auto& node = holders.empty() ? any() : *holders[0];
        if (!node.is_up()) return;
        cluster_.run_verb(node, {"log-rotate", kResource});
        if (random_.chance(50) && !is_fetching_back()) cluster_.run_verb(any(), {"log-delete-all", kResource});
    }

    void invalidate() {
        auto& node = any();
        if (!node.is_up() || (node.exports && node.exports->exists(kResource)) || is_fetching_back()) return;
        cluster_.run_verb(node, {"invalidate", kResource, "--timeout=10"});
    }

    // A picture of a host's /mars and disk, as a backup or a storage system makes it.
    void take_picture() {
        auto& node = any();
        pictures_[&node] = node.machine.filesystem().picture();
        const auto status = cluster_.link(node, node.path("syncstatus-" + node.machine.name()));
        if (status == std::to_string(kDiskBytes))
            whole_.insert(&node);
        else
            whole_.erase(&node);
    }

    // /mars and the disk become what they were; what lies elsewhere stays.
    void put_back(Node& node, env::sim::NameMap picture) {
        incomplete_.erase(&node);
        const auto is_elsewhere = [](const std::string& path) { return path.starts_with(kStateDirectory); };
        std::erase_if(picture, [&](const auto& entry) { return is_elsewhere(entry.first); });
        auto& filesystem = node.machine.filesystem();
        for (auto& [path, entry] : filesystem.picture())
            if (is_elsewhere(path)) picture[path] = entry;
        filesystem.restore(picture);
    }

    static std::int64_t newest_log(const env::sim::NameMap& names) {
        std::int64_t newest = 0;
        const auto below = resource_directory() + "/";
        for (auto& [path, entry] : names)
            if (path.starts_with(below))
                if (auto log = format::LogName::parse(path.substr(below.size()))) newest = std::max(newest, log->seq);
        return newest;
    }

    // The primary is put back to an older picture, often with all lines down. It has begun another log since then, so
    // that it must know; what it has lost, some member has.
    void restore_primary() {
        for (std::size_t i = 0; i < cluster_.size(); ++i) {
            auto& node = cluster_.node(i);
            const auto picture = pictures_.find(&node);
            if (picture == pictures_.end() || !node.is_up() || !node.exports->exists(kResource)) continue;
            if (!whole_.contains(&node)) continue; // a copy under way: another host has to be primary then
            if (newest_log(picture->second) >= newest_log(node.machine.filesystem().picture())) continue;
            if (!cluster_.stop_application(node)) return;
            cluster_.world().run_for(4s); // positions are published
            bool has_copy = false;
            for (std::size_t k = 0; k < cluster_.size(); ++k) {
                auto& other = cluster_.node(k);
                const auto at = cluster_.link(node, node.path("replay-" + node.machine.name()));
                has_copy = has_copy || (&other != &node && other.is_up() && !changed_.contains(&other) &&
                                        cluster_.link(other, node.path("replay-" + other.machine.name())) == at);
            }
            if (!has_copy || !node.is_up()) return start_applications();
            cluster_.kill(node);
            if (random_.chance(60))
                for (std::size_t k = 0; k < cluster_.size(); ++k)
                    if (k != i)
                        cluster_.world().network().cut(node.machine.address(), cluster_.node(k).machine.address());
            put_back(node, picture->second);
            doubtful_.insert(&node);
            put_back_ = &node;
            start_applications();
            cluster_.boot(node);
            ++result_.storage_changes;
            return;
        }
    }

    // What the primary has lost is with others only: nobody in his senses throws away anything now.
    bool is_fetching_back() const {
        const auto lacks_something = [](const Node* node) {
            return node && !(node->is_up() && node->exports->exists(kResource));
        };
        return lacks_something(put_back_) || lacks_something(damaged_);
    }

    void start_applications() {
        for (std::size_t i = 0; i < cluster_.size(); ++i)
            if (!cluster_.node(i).application_shall_run) cluster_.start_application(cluster_.node(i));
    }

    static std::optional<format::LogName> newest_log_of(Node& node) {
        std::optional<format::LogName> newest;
        for (auto& file : node.machine.filesystem().names_in(resource_directory()))
            if (auto log = format::LogName::parse(file); log && (!newest || log->seq > newest->seq)) newest = log;
        return newest;
    }

    // Somebody makes room in /mars by hand: the newest log goes, on whatever host.
    void remove_log() {
        auto& node = any();
        if (!node.is_up() || is_fetching_back()) return;
        const bool is_primary = node.exports->exists(kResource);
        if (!is_primary && is_needed(node)) return;
        const auto newest = newest_log_of(node);
        if (!newest) return;
        if (is_primary && result_.storage_changes % 2 == 1) return lose_log_at_rest(node, *newest);
        (void)node.process->storage().remove(resource_directory() + "/" + newest->text());
        ++result_.storage_changes;
        cluster_.world().run_for(5s); // noticed at the next commit; a crash before would lose what is not written back
    }

    // The same while the primary's marsd is down, and all that it has written is on its disk: the log goes, or a part
    // of it. Members that are behind cannot follow then.
    void lose_log_at_rest(Node& node, const format::LogName& log) {
        if (!cluster_.stop_application(node)) return;
        cluster_.world().run_for(4s); // everything is written back, positions are published
        const auto path = resource_directory() + "/" + log.text();
        auto& filesystem = node.machine.filesystem();
        const auto* bytes = node.is_up() ? filesystem.contents(path) : nullptr;
        const auto at = format::ReplayLink::parse(cluster_.link(node, node.path("replay-" + node.machine.name())));
        const bool is_at_rest = bytes && at && at->log == log && at->dirty == 0 && at->pos > 0 &&
                                bytes->size() == static_cast<std::size_t>(at->pos);
        if (is_at_rest) {
            cluster_.kill(node);
            auto names = filesystem.picture();
            if (at->pos % 3 == 0)
                names.erase(path);
            else
                names[path].inode->current.resize(static_cast<std::size_t>(at->pos / 2));
            filesystem.restore(names);
            ++result_.storage_changes;
            doubtful_.insert(&node);
            put_back_ = without_log_ = &node;
            for (std::size_t i = 0; i < cluster_.size(); ++i) changed_.insert(&cluster_.node(i));
        }
        start_applications();
        if (!node.is_up()) cluster_.boot(node);
    }

    // Some byte of the payloads from the record boundary `begin` on: not all of a header is covered by checksums.
    std::optional<std::size_t> payload_byte(std::span<const std::byte> log, std::size_t begin) {
        std::vector<std::size_t> bytes;
        for (std::size_t at = begin; at < log.size();) {
            const auto step = format::scan_record(log.subspan(at), at, 0, {});
            if (!step.record) break;
            const auto& payload = step.record->payload;
            if (!payload.empty())
                bytes.push_back(static_cast<std::size_t>(payload.data() - log.data()) + random_.below(payload.size()));
            at = static_cast<std::size_t>(step.record->end);
        }
        if (bytes.empty()) return std::nullopt;
        return bytes[random_.below(bytes.size())];
    }

    // Bits of the primary's log flip while its marsd is down, in what its disk does not hold yet; somebody has fetched
    // that. It is to go on by itself, without losing what it alone has behind.
    void damage_log_at_rest(Node& node, const format::LogName& log) {
        const auto path = resource_directory() + "/" + log.text();
        cluster_.world().network().heal_all();
        if (random_.chance(50))
            cluster_.power_cut(node); // the end may be torn as well
        else
            cluster_.kill(node);
        const auto* bytes = node.machine.filesystem().contents(path);
        const auto at = format::ReplayLink::parse(cluster_.link(node, node.path("replay-" + node.machine.name())));
        std::size_t fetched = 0;
        for (std::size_t i = 0; i < cluster_.size(); ++i) {
            auto& other = cluster_.node(i);
            const auto* copy = other.machine.filesystem().find(path);
            if (&other == &node || !other.is_up() || !copy || !copy->inode || changed_.contains(&other)) continue;
            auto& filesystem = other.machine.filesystem();
            filesystem.make_data_durable(*copy->inode, filesystem.data_mark()); // else it may never have told of it
            fetched = std::max(fetched, copy->inode->current.size());
        }
        const auto end = bytes ? std::min(fetched, bytes->size()) : 0;
        const auto begin = at && at->log == log ? static_cast<std::size_t>(at->pos) : end;
        const auto at_byte = bytes ? payload_byte(std::span(*bytes).first(end), begin) : std::nullopt;
        if (at_byte) {
            auto names = node.machine.filesystem().picture();
            names[path].inode->current[*at_byte] ^= std::byte{0x10};
            node.machine.filesystem().restore(names);
            damaged_ = &node;
            damaged_byte_ = {path, *at_byte, names[path].inode->current[*at_byte]};
            ++result_.storage_changes;
            ++result_.damaged_logs;
        }
        cluster_.boot(node);
        cluster_.world().run_for(20s); // members are asked; later it would go on without them
    }

    // True when somebody may need what only this host has.
    bool is_needed(Node& node) {
        const auto name = node.machine.name();
        std::int64_t newest = 0, own = 0;
        for (std::size_t i = 0; i < cluster_.size(); ++i) {
            auto& other = cluster_.node(i);
            for (auto key : {"primary", "userspace/last-primary"})
                if (cluster_.link(other, resource_directory() + "/" + key) == name) return true;
            for (auto& file : other.machine.filesystem().names_in(resource_directory()))
                if (auto log = format::LogName::parse(file)) {
                    newest = std::max(newest, log->seq);
                    if (log->host == name) own = std::max(own, log->seq);
                }
        }
        return own >= newest || (node.exports && node.exports->exists(kResource));
    }

    // What happens to the storage of a secondary: an empty disk, an older one, the whole host from an older picture, a
    // disk that comes late. marsd must find it out by itself.
    void change_storage() {
        auto& node = any();
        if (is_needed(node) || is_fetching_back()) return;
        auto& filesystem = node.machine.filesystem();
        const auto kind = random_.below(4);
        const auto picture = pictures_.find(&node);
        if ((kind == 1 || kind == 2) && picture == pictures_.end()) return;
        if (node.is_up()) cluster_.kill(node);
        if (kind == 2) put_back(node, picture->second);
        ++result_.storage_changes;
        if (kind == 0 || kind == 1) {
            auto changed = filesystem.picture();
            auto& content = changed[kDisk].inode->current;
            if (kind == 0)
                std::fill(content.begin(), content.end(), std::byte());
            else
                content = picture->second.at(kDisk).inode->current;
            filesystem.restore(changed);
            doubtful_.insert(&node);
        }
        if (kind != 3) changed_.insert(&node);
        if (kind == 3 || random_.chance(40)) {
            filesystem.fault = [](env::sim::Operation operation, const std::string& path) {
                const bool is_absent = operation == env::sim::Operation::open && path == kDisk;
                return is_absent ? std::optional(ENOENT) : std::nullopt;
            };
            cluster_.boot(node);
            cluster_.world().run_for(random_.between(1s, 9s));
            filesystem.fault = nullptr;
        } else {
            cluster_.boot(node);
        }
    }

    // An operator looks at hosts whose storage was changed, and lets them start over if they say so or cannot go on.
    void look_after(Node& node, bool is_stuck) {
        const auto name = node.machine.name();
        const bool is_refused = cluster_.link(node, node.path("actual-" + name + "/disk-error")) == "-116";
        const auto gap = cluster_.link(node, node.path("actual-" + name + "/msg-err-log-not-contiguous"));
        const bool was_put_back = put_back_ && !gap.empty() && gap != "OK";
        if (!was_put_back && (!changed_.contains(&node) || !(is_refused || is_stuck))) return;
        if (cluster_.link(node, resource_directory() + "/primary") == name) take_over();
        must(node, {"invalidate", kResource});
    }

    // --- checks ------------------------------------------------------------------------------------------------------

    // Invariants 1, 2 and 6, from what is on the disks of a host that has just crashed.
    // A copy that is told as complete has its end, `syncpos`, from the time after it was seen to be incomplete.
    void check_ends_of_syncs() {
        for (std::size_t i = 0; i < cluster_.size(); ++i) {
            auto& node = cluster_.node(i);
            const auto name = node.machine.name();
            const auto* status = node.machine.filesystem().find(node.path("syncstatus-" + name));
            if (!node.is_up() || !status || status->target.starts_with('.')) {
                incomplete_.erase(&node); // an older state of the tree may come back
                continue;
            }
            if (status->target != std::to_string(kDiskBytes)) {
                incomplete_[&node] = status->mtime;
                continue;
            }
            const auto seen = incomplete_.find(&node);
            if (seen == incomplete_.end()) continue;
            const auto* end = node.machine.filesystem().find(node.path("syncpos-" + name));
            if (!end || !(seen->second < end->mtime))
                report(name + " is told to be copied, but nobody has told up to where");
            incomplete_.erase(seen);
        }
    }

    void check_host(Node& node) {
        if (doubtful_.contains(&node)) return; // compared at the end
        if (is_still_damaged(node)) return;    // until a member has answered, what is behind cannot be read
        auto state = offline_state(cluster_, node);
        if (!state.is_member || !state.is_consistent) return;
        auto wrong = cluster_.history().check_prefix(state.content);
        if (wrong.empty() && is_newest(state)) wrong = cluster_.history().check_durable(state.content);
        if (!wrong.empty()) report(node.machine.name() + " after its crash, up to " + state.end + ": " + wrong);
    }

    bool is_still_damaged(Node& node) const {
        if (damaged_ != &node) return false;
        const auto* bytes = node.machine.filesystem().contents(damaged_byte_.path);
        return bytes && bytes->size() > damaged_byte_.at && (*bytes)[damaged_byte_.at] == damaged_byte_.value;
    }

    // True for the host that wrote the newest log of all: it was primary last, so it has every acknowledged write.
    bool is_newest(const OfflineState& state) {
        if (!state.is_primary_log) return false;
        const auto mine = format::LogPosition::parse(state.end);
        for (std::size_t i = 0; i < cluster_.size(); ++i)
            for (auto& name : cluster_.node(i).machine.filesystem().names_in(resource_directory())) {
                auto log = format::LogName::parse(name);
                if (log && mine && log->seq > mine->log.seq) return false;
            }
        return true;
    }

    static std::string resource_directory() { return std::string("/mars/resource-") + kResource; }

    // Invariant 3, while it runs.
    void check_one_device() {
        if (std::max(cluster_.most_devices(), cluster_.hosts_with_device().size()) > 1)
            report("two hosts have the device at the same time");
    }

    // --- the end -----------------------------------------------------------------------------------------------------

    void calm_down() {
        is_over_ = true;
        auto& world = cluster_.world();
        world.network().heal_all();
        boot_all();
        world.run_for(15s); // start guards end, trees meet
        for (std::size_t i = 0; i < cluster_.size(); ++i) {
            auto& node = cluster_.node(i);
            if (changed_.contains(&node)) // a disk that is refused is not attached
                cluster_.run_verb(node, {"up", kResource, "--timeout=10"});
            else
                must(node, {"up", kResource});
        }
        for (std::size_t i = 0; i < cluster_.size(); ++i)
            if (!cluster_.stop_application(cluster_.node(i))) report("the application cannot close its device");
        designate_somebody();
        for (int seconds = 0; is_fine() && !difference().empty(); ++seconds) {
            if (seconds == 15 && without_log_) go_on_without_log(*without_log_);
            if (seconds == 60 && put_back_ && cluster_.hosts_with_device().empty()) take_over();
            if (seconds == 20 || seconds == 100)
                for (std::size_t i = 0; i < cluster_.size() && is_fine(); ++i)
                    look_after(cluster_.node(i), seconds == 100 && !is_level(cluster_.node(i)));
            if (seconds == 400) report("no convergence: " + difference());
            world.run_for(1s);
        }
    }

    // The primary says that its log is nowhere any more: its disk has everything, says an operator.
    void go_on_without_log(Node& node) {
        const auto said = cluster_.link(node, node.path("actual-" + node.machine.name() + "/msg-err-past-missing"));
        const auto says = [&](const char* text) { return said.find(text) != std::string::npos; };
        if (says(" bytes are left on ") || says(" cannot be proven before "))
            must(node, {"trust-disk", kResource, "--force"});
    }

    // The primary cannot go on: logs that it lacks are deleted everywhere, or its disk is refused. An operator moves
    // the role to the host that has come farthest, which must be possible, and lets the other start over.
    void take_over() {
        const auto name = farthest();
        for (std::size_t i = 0; i < cluster_.size(); ++i)
            if (cluster_.node(i).machine.name() == name)
                must(cluster_.node(i), {"primary", kResource, "--ignore-sync"});
        if (put_back_) changed_.insert(put_back_);
        cluster_.world().run_for(2s); // the others see who is primary now
    }

    void must(Node& node, std::vector<std::string> words) {
        const auto verb = words[0];
        auto ended = cluster_.run_verb(node, std::move(words), 700s);
        if (ended.exit != 0)
            report(verb + " on " + node.machine.name() + " ended with " + std::to_string(ended.exit) + ": " +
                   ended.error);
    }

    // If nobody is to be primary, the last one takes over again: it has everything. Not so when it was put back to an
    // older picture: then it is the one that has come farthest, as an operator would see it in `view`.
    void designate_somebody() {
        const auto primary = cluster_.link(cluster_.node(0), resource_directory() + "/primary");
        if (!primary.empty() && !primary.starts_with("(")) return;
        auto last = cluster_.link(cluster_.node(0), resource_directory() + "/userspace/last-primary");
        const auto was_put_back = [&](Node& node) { return node.machine.name() == last && doubtful_.contains(&node); };
        for (std::size_t i = 0; i < cluster_.size(); ++i)
            if (was_put_back(cluster_.node(i))) last = farthest();
        for (std::size_t i = 0; i < cluster_.size(); ++i) {
            auto& node = cluster_.node(i);
            if (node.machine.name() != last) continue;
            if (&node == without_log_) go_on_without_log(node);
            must(node, {"primary", kResource});
        }
    }

    std::string farthest() {
        std::string name;
        std::optional<format::ReplayLink> best;
        for (std::size_t i = 0; i < cluster_.size(); ++i) {
            auto& node = cluster_.node(i);
            const auto& host = node.machine.name();
            const auto at = format::ReplayLink::parse(cluster_.link(node, node.path("replay-" + host)));
            if (!at || cluster_.link(node, node.path("syncstatus-" + host)) != std::to_string(kDiskBytes)) continue;
            if (best && format::compare_progress(at->position(), best->position()) <= 0) continue;
            best = at;
            name = host;
        }
        return name;
    }

    // Replicated values that must be equal everywhere in the end.
    std::map<std::string, std::string> tree_of(Node& node) {
        std::map<std::string, std::string> keys;
        auto& filesystem = node.machine.filesystem();
        for (auto& [path, link] : filesystem.links_below("/mars")) {
            const auto name = path.substr(path.rfind('/') + 1);
            const bool is_heartbeat = name == "time" || name == "alive" || name == "read-stamp" || name == "read-time";
            if (link == tree::kDeleted || is_heartbeat || !tree::is_transferable(path.substr(6))) continue;
            keys[path] = link;
        }
        return keys;
    }

    bool is_level(Node& node) {
        const auto primary = cluster_.link(cluster_.node(0), resource_directory() + "/primary");
        return cluster_.link(node, node.path("replay-" + node.machine.name())) ==
               cluster_.link(cluster_.node(0), resource_directory() + "/replay-" + primary);
    }

    std::string difference() {
        const auto primary = cluster_.link(cluster_.node(0), resource_directory() + "/primary");
        const auto wanted = cluster_.link(cluster_.node(0), resource_directory() + "/replay-" + primary);
        auto replay = format::ReplayLink::parse(wanted);
        if (!replay || replay->dirty != 0) return "primary " + primary + " is at '" + wanted + "'";
        if (cluster_.hosts_with_device().empty()) return "nobody has the device";
        for (std::size_t i = 0; i < cluster_.size(); ++i) {
            auto& node = cluster_.node(i);
            const auto link = cluster_.link(node, node.path("replay-" + node.machine.name()));
            if (link != wanted) return node.machine.name() + " is at " + link + ", not at " + wanted;
            if (i == 0) continue;
            auto ours = tree_of(cluster_.node(0));
            auto theirs = tree_of(node);
            if (ours == theirs) continue;
            for (auto& [path, value] : ours)
                if (!theirs.contains(path) || theirs[path] != value)
                    return path + " is '" + value + "' on hosta, '" + theirs[path] + "' on " + node.machine.name();
            return node.machine.name() + " has more keys than hosta";
        }
        return {};
    }

    void check_end() {
        for (std::size_t i = 0; i < cluster_.size(); ++i) {
            auto& content = *cluster_.node(i).machine.filesystem().contents(kDisk);
            const auto wrong = cluster_.history().check_durable(content);
            if (!wrong.empty()) report("at the end on " + cluster_.node(i).machine.name() + ": " + wrong);
            if (content != *cluster_.node(0).machine.filesystem().contents(kDisk))
                report("at the end the disks of hosta and " + cluster_.node(i).machine.name() + " differ");
        }
    }

    ScenarioOptions options_;
    Cluster cluster_;
    env::sim::SeededRandom& random_;
    ScenarioResult result_;
    Node* damaged_ = nullptr; // the primary whose log was damaged last
    struct DamagedByte {
        std::string path;
        std::size_t at = 0;
        std::byte value{};
    } damaged_byte_;              // of it
    Node* put_back_ = nullptr;    // the primary that was put back to an older picture last
    Node* without_log_ = nullptr; // the primary whose log was removed while it was down
    std::set<Node*> whole_;       // whose picture is that of a synced replica
    std::map<Node*, env::sim::NameMap> pictures_;
    bool is_over_ = false;              // no line breaks any more
    std::map<Node*, Stamp> incomplete_; // the copies under way, and when that was told
    std::set<Node*> doubtful_;          // their disk may not be what it was
    std::set<Node*> changed_;           // an operator may have to help
};

} // namespace

ScenarioResult run_scenario(std::uint64_t seed, const ScenarioOptions& options) {
    return Scenario(seed, options).run();
}

} // namespace mars::sim
