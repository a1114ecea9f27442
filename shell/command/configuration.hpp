// SPDX-License-Identifier: GPL-2.0-or-later
// marsadm.conf: default values of options, one "name = value" per line; # begins a comment. In $ETC_MARSADM, else
// /etc/marsadm. Lines "PLUGIN.TUNABLE = value" are for plugins (lua/plugins.hpp). Another line that cannot be used is
// warned about and skipped: it must never keep a verb from working.
// Tests: tests/unit/shell/configuration_test.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kernel/env/storage.hpp"
#include "shell/command/options.hpp"
#include "shell/words/output.hpp"

namespace mars::shell {

// Names of the options that may stand in the file.
std::span<const std::string_view> configurable_options();

// `options` with the settings of `file`; as they are when there is no such file.
Options with_configuration(Options options, const env::Storage& storage, const std::string& file, Output& output);

} // namespace mars::shell
