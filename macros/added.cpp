// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/added.hpp"

#include <utility>

#include "kernel/base/characters.hpp"
#include "macros/primitives.hpp"

namespace mars::macros {

namespace {

constexpr int kMostArguments = 9;

bool is_name(std::string_view name) {
    if (name.empty() || !is_alpha(name.front()) || name.starts_with("primitive")) return false;
    for (char c : name)
        if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '_') return false;
    return true;
}

} // namespace

result<void> AddedPrimitives::add(AddedPrimitive primitive) {
    const std::string& name = primitive.name;
    if (!is_name(name))
        return failure(std::errc::invalid_argument,
                       "'" + name + "' cannot be the name of a primitive: a letter, then letters, digits, - and _");
    if (primitive.min_args < 0 || primitive.min_args > primitive.max_args || primitive.max_args > kMostArguments)
        return failure(std::errc::invalid_argument, "primitive '" + name + "': from 0 to 9 arguments are possible");
    if (!primitive.function) return failure(std::errc::invalid_argument, "primitive '" + name + "' has no function");
    if (find_primitive(name) || vocabulary().text(name, Compat::current))
        return failure(std::errc::file_exists, "'" + name + "' is built in; use a name such as " + name + "-COMPANY");
    if (primitives_.contains(name)) return failure(std::errc::file_exists, "'" + name + "' was added before");
    std::string key = name;
    primitives_.emplace(std::move(key), std::move(primitive));
    return {};
}

void AddedPrimitives::remove(std::string_view name) {
    if (auto found = primitives_.find(name); found != primitives_.end()) primitives_.erase(found);
}

// Seen from outside, what the source adds has been there all the time: so looking is const.
void AddedPrimitives::load() const {
    if (auto source = std::exchange(source_, nullptr)) source(const_cast<AddedPrimitives&>(*this));
}

const AddedPrimitive* AddedPrimitives::find(std::string_view name) const {
    load();
    auto found = primitives_.find(name);
    return found == primitives_.end() ? nullptr : &found->second;
}

std::vector<std::string> AddedPrimitives::names() const {
    load();
    std::vector<std::string> all;
    for (auto& [name, primitive] : primitives_) all.push_back(name);
    return all;
}

} // namespace mars::macros
