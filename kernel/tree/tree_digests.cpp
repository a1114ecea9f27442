// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/tree_digests.hpp"

#include "kernel/format/digest.hpp"
#include "kernel/tree/paths.hpp"

namespace mars::tree {

bool is_sendable(std::string_view path, const Link& link) {
    return is_transferable(path) && check_path(path) && check_value(link.value);
}

std::string TreeDigests::compute(const std::string& dir) const {
    std::string text;
    tree_.visit_links(dir, [&](std::string_view name, const Link& link) {
        const auto path = join_path(dir, name);
        if (is_barrier(path) || !is_sendable(path, link)) return;
        (text += name) += '\0'; // in none of the three
        (text += link.value) += '\0';
        (text += link.stamp.text()) += '\0';
    });
    return text.empty() ? text : format::md5_hex(text);
}

std::string TreeDigests::of(const std::string& dir) {
    auto known = known_.find(dir);
    if (known != known_.end()) return known->second;
    auto digest = compute(dir);
    if (!digest.empty()) known_.emplace(dir, digest); // peers may ask for any name: empty ones are not kept
    return digest;
}

std::vector<DirectoryDigest> TreeDigests::all() {
    std::vector<DirectoryDigest> digests;
    for (auto& dir : tree_.directories())
        if (auto digest = of(dir); !digest.empty()) digests.push_back({dir, std::move(digest)});
    return digests;
}

void TreeDigests::changed(std::string_view path) {
    if (is_barrier(path)) return;
    auto known = known_.find(split_path(path).dir);
    if (known != known_.end()) known_.erase(known);
}

} // namespace mars::tree
