// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/storage.hpp"

namespace mars::env {

result<std::string> Storage::symlink_value(const std::string& path) const {
    MARS_TRY(auto link, read_symlink(path));
    return std::move(link.value);
}

} // namespace mars::env
