// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/provider.hpp"

namespace mars::exports {

namespace {
// Openers that cannot be seen are only noticed by trying.
constexpr Duration kOpenersRetry = std::chrono::seconds(1);
} // namespace

env::task<result<void>> close_when_unused(env::Env& env, Export& exported) {
    while (true) {
        MARS_CO_TRY(const bool closed, co_await exported.try_close());
        if (closed) co_return result<void>();
        (void)co_await env::wait_for(env, exported.changed(), kOpenersRetry); // either way we try again
    }
}

} // namespace mars::exports
