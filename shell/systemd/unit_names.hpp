// SPDX-License-Identifier: GPL-2.0-or-later
// Names of systemd units: escaping, kinds, and the ones that systemd itself owns. Pure functions.
// Spec: macro-language 6.1, 6.2. Tests: tests/unit/shell/unit_generator_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace mars::shell::systemd {

// As `systemd-escape --path` does: "/a b/c-d" → "a\x20b-c\x2dd".
std::string escape_path(std::string_view path);
// "service" of "nfs.service"; empty without a dot.
std::string_view unit_kind(std::string_view name);
// What systemd accepts as the name of a unit of one of its kinds.
bool is_unit_name(std::string_view name);
// "getty@.service" of "getty@tty1.service"; empty when the name has no instance.
std::string template_of_instance(std::string_view name);
// Well-known units of systemd, which are never generated.
bool is_predefined(std::string_view name);

} // namespace mars::shell::systemd
