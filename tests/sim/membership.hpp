// SPDX-License-Identifier: GPL-2.0-or-later
// Membership: how operators end memberships of hosts in resources and in the cluster, and begin them again.
#pragma once

#include "tests/sim/run.hpp"

namespace mars::sim {

// down and leave-resource. True when it has left; else Past::left says that an operator has to look after it.
bool leave_resource(Run& run, SimResource& resource, Node& node, std::optional<Trouble> trouble = std::nullopt);
// What is left of an earlier membership is ended first.
bool join_resource(Run& run, SimResource& resource, Node& node);

// delete-resource and create-resource on the first member, which has everything; the others have left.
bool make_again(Run& run, SimResource& resource);

// leave-cluster of a host that is member of nothing any more.
bool leave_cluster(Run& run, Node& node);
// With a fresh filesystem in /mars, as it has to be.
bool join_cluster(Run& run, Node& node);

// Whoever has left is to be a member again at the end.
void return_to_cluster(Run& run);
void return_to_resources(Run& run);

} // namespace mars::sim
