// SPDX-License-Identifier: GPL-2.0-or-later
// Checks that several verbs make before they change anything. Each is a refusal that names resource, host, key, found
// value and the verb that helps; checks of class F become warnings with --force.
// Spec: verbs 2.3, 2.4. Tests: tests/unit/shell/verbs_resource_test.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/format/link_values.hpp"
#include "shell/command/context.hpp"

namespace mars::shell {

// What marsd has to say in the link msg-… at `key`; nullopt when it is OK, missing or unreadable.
std::optional<format::Message> message_at(const tree::View& view, std::string_view key);

// C-MEMBER: ME stores data of the resource or is a guest.
result<void> check_member(VerbContext& ctx);
// C-SIZE: the disk of `host` has not become smaller than the resource.
result<void> check_size(VerbContext& ctx, const std::string& host);
// C-TODO: the switch todo-ME/NAME is on (off).
result<void> check_switch(VerbContext& ctx, std::string_view name, bool on);
// C-NOTPRIM: ME neither is primary nor shall be, and that has been so for a while. Waits until the role has settled.
// `forced`: the actual primary is refused also with --force unless this is set.
env::task<result<void>> check_not_primary(VerbContext& ctx, bool forced);
// C-SYNCED: the replica of `host` is complete. Of ME: never overridable; of others: --ignore-sync or --force.
result<void> check_synced(VerbContext& ctx, const std::string& host);
// C-SYNCSTART: there is a primary to sync from, and it is not in emergency mode.
result<void> check_sync_source(VerbContext& ctx);
// Class U and F rules for new names. `what`: "resource", "device", "host".
result<void> check_new_name(VerbContext& ctx, std::string_view what, const std::string& name);
// The host has an address in ips/.
result<void> check_host_known(VerbContext& ctx, const std::string& host);
// marsd runs here (dp.required), does not run (dp.forbidden).
result<void> check_marsd(VerbContext& ctx, bool running);
// There is space for keys and logs in /mars.
result<void> check_space(VerbContext& ctx);
// /mars has room for the links that a handover writes: whoever stops half-way cannot even give back.
result<void> check_room_for_links(VerbContext& ctx);
// The device of `host` is not open.
result<void> check_not_open(VerbContext& ctx, const std::string& host);

// Until when the value of `link`, written by marsd of `host`, is known to be true: indicators are published before the
// heartbeat, so a heartbeat confirms them (symlink-tree M9).
Stamp confirmed(const VerbContext& ctx, const std::string& host, const tree::Link& link);
// recent(stamp): younger than two windows. Fresh: younger than half a window. Spec: verbs 2.3.
bool is_recent(const VerbContext& ctx, Stamp stamp);
bool is_fresh(const VerbContext& ctx, Stamp stamp);

} // namespace mars::shell
