// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/handover_watch.hpp"

#include "kernel/tree/handover_state.hpp"

namespace mars::resource {

void HandoverWatch::look() {
    for (auto& resource : tree_.suffixes("", "resource-")) look_at(resource);
}

// What cannot be written is written at the next look; that /mars does not take it says the heartbeat.
void HandoverWatch::look_at(const std::string& resource) {
    const auto key = tree::resource_key(resource, tree::HandoverNote::key_name(env_.hostname()));
    const auto link = tree_.get(key);
    auto note = link ? tree::HandoverNote::parse(link->value) : std::nullopt;
    if (!note) return;
    if (note->is_abandoned) {
        if (tree::is_settled(tree_, resource, *note, link->stamp)) (void)tree_.remove(key);
        return;
    }
    if (is_alive_(note->process)) return;
    note->is_abandoned = true;
    // With hardly a newer stamp: it still tells whether `primary` was written before the note or after it.
    const auto written = tree_.apply(key, note->text(), link->stamp + Duration(1), "");
    if (!written || !*written) return;
    env_.log().warning("resource " + resource + ": " +
                       sentence_of(tree::find_handover(tree_, resource, [](const std::string&) { return true; }),
                                   resource, env_.clock().now()));
}

} // namespace mars::resource
