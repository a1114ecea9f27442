// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/base/late_library.hpp"

#include <dlfcn.h>

#include <stdexcept>
#include <string>

namespace mars {

void* LateLibrary::function(const char* name) {
    std::scoped_lock lock(loading_);
    auto broken = [&] {
        const char* why = ::dlerror();
        return std::runtime_error(std::string("cannot use the library ") + file_ + ": " +
                                  (why ? why : "unknown error") + "; next: install the Debian package " + package_);
    };
    if (!handle_) handle_ = ::dlopen(file_, RTLD_NOW | RTLD_LOCAL);
    if (!handle_) throw broken();
    void* found = ::dlsym(handle_, name);
    if (!found) throw broken();
    return found;
}

} // namespace mars
