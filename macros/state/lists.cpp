// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives that list and count hosts and resources. Spec: macro-language 3.2.
#include <functional>

#include "kernel/base/names.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

namespace {

void set_lines(Value& out, const std::vector<std::string>& names) {
    std::string& text = out.own();
    for (auto& name : names) text.append(name).append("\n");
}

// The first argument as a name; words that stand for "no name" count as empty.
Flow name_argument(Evaluator& evaluator, const Call& call, std::size_t index, std::string& name) {
    MARS_FLOW(evaluator.arg(call, index, name));
    if (is_reserved_name(name) || name == "0") name.clear();
    return Flow::normal;
}

enum class Relation : std::uint8_t { peer, member, guest };

Relation relation_of(std::string_view word) {
    return word == "guest" || word == "guests"       ? Relation::guest
           : word == "resource" || word == "members" ? Relation::member
                                                     : Relation::peer;
}

bool holds(const State& state, const std::string& resource, const std::string& host, Relation relation) {
    if (relation == Relation::peer) return state.is_related(resource, host);
    return relation == Relation::member ? state.is_member(resource, host) : state.is_guest(resource, host);
}

// Peers of the cluster, members of the resource, or its guests; with no resource: of any.
std::vector<std::string> hosts_in(const State& state, Relation relation) {
    if (relation == Relation::peer) return state.peers();
    std::vector<std::string> resources{state.resource()};
    if (resources.front().empty()) resources = state.resources();
    std::vector<std::string> found;
    for (auto& host : state.peers())
        for (auto& resource : resources)
            if (holds(state, resource, host, relation)) {
                found.push_back(host);
                break;
            }
    return found;
}

Flow list_hosts(Evaluator& evaluator, const Call& call, Value& out) {
    if (choice(call, 1) == "members") evaluator.warn("'" + std::string(call.name) + "' is deprecated, use -peers");
    set_lines(out, hosts_in(state_of(evaluator), relation_of(choice(call, 0))));
    return Flow::normal;
}

Flow count_hosts(Evaluator& evaluator, const Call& call, Value& out) {
    std::int64_t count = 0;
    for (auto& host : hosts_in(state_of(evaluator), relation_of(choice(call, 0))))
        if (!state_of(evaluator).context().options.ignore_deleted_peers || !state_of(evaluator).is_deleted_peer(host))
            ++count;
    out.set(count);
    return Flow::normal;
}

Flow configured_peers(Evaluator& evaluator, const Call&, Value& out) {
    set_lines(out, state_of(evaluator).view().suffixes("ips", "ip-"));
    return Flow::normal;
}

Flow count_configured_peers(Evaluator& evaluator, const Call&, Value& out) {
    out.set(static_cast<std::int64_t>(state_of(evaluator).view().suffixes("ips", "ip-").size()));
    return Flow::normal;
}

// Choices: my or all; resources, members or guests.
Flow resources(Evaluator& evaluator, const Call& call, std::vector<std::string>& found) {
    const State& state = state_of(evaluator);
    std::string host;
    MARS_FLOW(name_argument(evaluator, call, 0, host));
    bool all = choice(call, 0) == "all";
    Relation relation = relation_of(choice(call, 1));
    std::vector<std::string> hosts{host.empty() ? state.host() : host};
    if (all) hosts = state.peers();
    for (auto& resource : state.resources()) {
        bool wanted = all && relation == Relation::peer;
        for (auto& peer : hosts) wanted = wanted || holds(state, resource, peer, relation);
        if (wanted) found.push_back(resource);
    }
    return Flow::normal;
}

Flow list_resources(Evaluator& evaluator, const Call& call, Value& out) {
    std::vector<std::string> found;
    MARS_FLOW(resources(evaluator, call, found));
    set_lines(out, found);
    return Flow::normal;
}

Flow count_resources(Evaluator& evaluator, const Call& call, Value& out) {
    std::vector<std::string> found;
    MARS_FLOW(resources(evaluator, call, found));
    out.set(static_cast<std::int64_t>(found.size()));
    return Flow::normal;
}

Flow is_related(Evaluator& evaluator, const Call& call, Value& out) {
    State& state = state_of(evaluator);
    std::string resource, host;
    MARS_FLOW(name_argument(evaluator, call, 0, resource));
    MARS_FLOW(name_argument(evaluator, call, 1, host));
    if (resource.empty()) resource = state.resource();
    if (host.empty()) host = state.host();
    bool guest = choice(call, 0) == "guest";
    out.set(guest ? state.is_guest(resource, host) : state.is_member(resource, host));
    return Flow::normal;
}

constexpr Primitive kListStateRows[] = {
    {"{cluster,resource,guest}-{peers,members}", "{}", 0, 1, false, true,
     "Hosts of the cluster, members of the resource, guests of the resource, one per line. The names with `members` "
     "are deprecated.",
     "%resource-peers{}", "nodea\nnodeb\n", list_hosts, Unit::lines, true},
    {"count-{cluster,resource,guest}-{peers,members}", "{}", 0, 1, false, true, "Their number, without deleted peers.",
     "%count-resource-peers{}", "2", count_hosts, Unit::count, true},
    {"configured-peers", "{}", 0, 1, false, true, "Hosts that have an address, one per line.", "%configured-peers{}",
     "nodea\nnodeb\n", configured_peers, Unit::lines, true},
    {"count-configured-peers", "{}", 0, 1, false, true, "Their number.", "%count-configured-peers{}", "2",
     count_configured_peers, Unit::count, true},
    {"{my,all}-{resources,members,guests}", "[{host}]", 0, 1, false, true,
     "Resources that the host (default: the acting one) has to do with, is a member of, is a guest of; `all`: of any "
     "host.",
     "%my-resources{}", "vol1\n", list_resources, Unit::lines, true},
    {"count-{my,all}-{resources,members,guests}", "[{host}]", 0, 1, false, true, "Their number.",
     "%count-all-resources{}", "1", count_resources, Unit::count, true},
    {"is={member,guest}", "[{resource}][{host}]", 0, 2, false, true,
     "1 if the host is a member (guest) of the resource, else 0.", "%is-member{}", "1", is_related, Unit::flag, true},
};

} // namespace

std::span<const Primitive> list_state_primitives() {
    return kListStateRows;
}

} // namespace mars::macros
