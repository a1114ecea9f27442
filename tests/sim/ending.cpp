// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/ending.hpp"

#include "kernel/format/replay_link.hpp"
#include "kernel/tree/view.hpp"
#include "tests/sim/checks.hpp"
#include "tests/sim/membership.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

// What a host says of a resource, without the two stamps in front of each message; into the story. The verdict names
// which messages these are.
std::string messages_of(Run& run, const Node& node, const SimResource& resource) {
    std::string names;
    for (auto& [path, value] : node.machine.filesystem().links_below(resource.key("actual-" + node.name()))) {
        const auto name = path.substr(path.rfind('/') + 1);
        if (!name.starts_with("msg-") || value == "OK" || value == tree::kDeleted) continue;
        const auto second = value.find(' ');
        const auto text = second == std::string::npos ? second : value.find(' ', second + 1);
        run.tell(resource.name + " on " + node.name() + " says " + name + ":" +
                 (text == std::string::npos ? " " + value : value.substr(text)));
        names += (names.empty() ? "" : ", ") + name;
    }
    return names;
}

} // namespace

void must(Run& run, Node& node, std::vector<std::string> words) {
    const auto verb = words[0];
    const auto name = words.size() > 1 ? words[1] : std::string();
    auto ended = run.cluster.commands().run(node, std::move(words), 700s);
    if (ended.exit == 0) return;
    while (ended.error.ends_with('\n')) ended.error.pop_back();
    std::string said;
    for (auto& resource : run.cluster.resources())
        if (resource->name == name) said = messages_of(run, node, *resource);
    run.report(verb + " on " + node.name() + " ended with " + std::to_string(ended.exit) + ": " + ended.error +
               (said.empty() ? "" : "; " + name + " on " + node.name() + " says " + said));
}

Node* farthest(Run& run, SimResource& resource) {
    Node* found = nullptr;
    std::optional<format::ReplayLink> best;
    for (auto* node : resource.members) {
        const auto& cluster = run.cluster;
        const auto at = format::ReplayLink::parse(cluster.link(*node, resource.key("replay-" + node->name())));
        const auto copied = cluster.link(*node, resource.key("syncstatus-" + node->name()));
        if (!at || copied != std::to_string(resource.bytes)) continue;
        if (best && format::compare_progress(at->position(), best->position()) <= 0) continue;
        best = at;
        found = node;
    }
    return found;
}

namespace {

// What the operator does about one resource.
class Care {
  public:
    Care(Run& run, SimResource& resource) : run_(run), resource_(resource), past_(run.past(resource)) {}

    void switch_on();
    void designate_somebody();
    void look_after(int seconds);

  private:
    std::string message(const Node& node, const char* which) const {
        return run_.cluster.link(node, resource_.key("actual-" + node.name() + "/" + which));
    }
    void go_on_without_log(Node& node);
    void take_over();
    void start_over_if_asked(Node& node, bool is_stuck);

    Run& run_;
    SimResource& resource_;
    Past& past_;
};

void Care::switch_on() {
    for (auto* node : resource_.members) {
        if (past_.left.contains(node)) continue;                    // joins again later
        if (past_.changed.contains(node) || node == past_.put_back) // a disk that is refused is not attached
            run_.cluster.commands().run(*node, {"up", resource_.name, "--timeout=10"});
        else
            must(run_, *node, {"up", resource_.name});
    }
}

// The primary says that its log is nowhere any more: its disk has everything, says an operator.
void Care::go_on_without_log(Node& node) {
    const auto said = message(node, "msg-err-past-missing");
    const auto says = [&](const char* text) { return said.find(text) != std::string::npos; };
    if (says(" bytes are left on ") || says(" cannot be proven before "))
        must(run_, node, {"trust-disk", resource_.name, "--force"});
}

// The primary cannot go on: logs that it lacks are deleted everywhere, or its disk is refused. An operator moves the
// role to the host that has come farthest, which must be possible, and lets the other start over.
void Care::take_over() {
    if (auto* node = farthest(run_, resource_)) must(run_, *node, {"primary", resource_.name, "--ignore-sync"});
    if (past_.put_back) past_.changed.insert(past_.put_back);
    run_.pass(2s); // the others see who is primary now
}

// If nobody is to be primary, the last one takes over again: it has everything. Not so when it was put back to an older
// picture: then it is the one that has come farthest.
void Care::designate_somebody() {
    if (past_.is_gone) return; // it is made again first
    const auto primary = run_.primary_of(resource_);
    if (!primary.empty() && !primary.starts_with("(")) return;
    auto* last = run_.cluster.find(run_.cluster.link(run_.cluster.node(0), resource_.key("userspace/last-primary")));
    if (last && past_.doubtful.contains(last)) last = farthest(run_, resource_);
    if (!last) return;
    if (last == past_.without_log) { // it says what it lacks when it is to be primary
        run_.cluster.commands().run(*last, {"primary", resource_.name, "--timeout=30"}, 60s);
        go_on_without_log(*last);
    }
    must(run_, *last, {"primary", resource_.name});
}

// An operator looks at hosts whose storage was changed, and lets them start over if they say so or cannot go on.
void Care::start_over_if_asked(Node& node, bool is_stuck) {
    const bool is_refused = message(node, "disk-error") == "-116";
    const auto gap = message(node, "msg-err-log-not-contiguous");
    // An invalidate that could not write everything: it is given again.
    if (message(node, "msg-err-replaylink-not-readable").find("; next: marsadm invalidate ") != std::string::npos)
        past_.changed.insert(&node), is_stuck = true;
    const bool was_put_back = past_.put_back && !gap.empty() && gap != "OK";
    if (!was_put_back && (!past_.changed.contains(&node) || !(is_refused || is_stuck))) return;
    if (run_.primary_of(resource_) == node.name()) take_over();
    must(run_, node, {"invalidate", resource_.name});
}

void Care::look_after(int seconds) {
    if (seconds == 15 && past_.without_log) go_on_without_log(*past_.without_log);
    if (seconds == 60 && past_.put_back && run_.cluster.hosts_with_device(resource_).empty()) take_over();
    if (seconds == 20 || seconds == 100)
        for (auto* node : resource_.members)
            if (run_.is_fine()) start_over_if_asked(*node, seconds == 100 && !is_level(run_, *node, resource_));
}

// Whatever waits has to say why.
std::string reasons(Run& run) {
    std::string said, silent;
    for (auto& resource : run.cluster.resources())
        for (auto* node : resource->members) {
            const auto where = "; " + resource->name + " on " + node->name();
            const auto names = messages_of(run, *node, *resource);
            if (!names.empty())
                said += where + " says " + names;
            else if (!is_level(run, *node, *resource))
                silent += where + " is behind, and does not say why";
        }
    return said.empty() ? "; nobody says why" + silent : said + silent;
}

} // namespace

void calm_down(Run& run) {
    run.is_over = true;
    run.tell("the end: all lines are whole, all disks work, all hosts run");
    auto& cluster = run.cluster;
    for (auto cure = run.cures.rbegin(); cure != run.cures.rend(); ++cure) (*cure)(); // what came last goes first
    cluster.world().network().heal_all();
    cluster.make_applications_lazy(false);
    cluster.commands().finish(40s);
    cluster.world().run_until(
        [&] {
            return std::none_of(cluster.nodes().begin(), cluster.nodes().end(), [](auto& n) { return n->is_stopping; });
        },
        60s);
    run.boot_all();
    run.pass(15s); // start guards end, trees meet
    for (auto* node : run.moved)
        for (auto& other : cluster.nodes())
            if (!run.outside.contains(other.get()))
                must(run, *other, {"lowlevel-set-host-ip", node->name(), node->machine.address()});
    return_to_cluster(run);
    std::vector<Care> care;
    for (auto& resource : cluster.resources()) care.emplace_back(run, *resource);
    for (auto& its : care) its.switch_on();
    for (auto& resource : cluster.resources())
        for (auto& node : cluster.nodes())
            if (!cluster.stop_application(*node, *resource)) run.report("the application cannot close its device");
    for (auto& its : care) its.designate_somebody();
    return_to_resources(run);
    for (int seconds = 0; run.is_fine(); ++seconds) {
        const auto left = difference(run);
        if (left.empty()) break;
        for (auto& its : care) its.look_after(seconds);
        if (seconds == 400) run.report("no convergence: " + left + reasons(run));
        run.pass(1s);
    }
}

} // namespace mars::sim
