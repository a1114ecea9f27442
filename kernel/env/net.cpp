// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/net.hpp"

namespace mars::env {

task<result<void>> read_exactly(Stream& stream, std::span<std::byte> into) {
    while (!into.empty()) {
        MARS_CO_TRY(std::size_t got, co_await stream.read_some(into));
        if (got == 0)
            co_return failure(std::errc::connection_reset,
                              "connection to " + stream.remote().text() + " ended in the middle of a message");
        into = into.subspan(got);
    }
    co_return result<void>();
}

} // namespace mars::env
