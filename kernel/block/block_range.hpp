// SPDX-License-Identifier: GPL-2.0-or-later
// What every device checks first: a request covers whole sectors inside of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernel/base/result.hpp"

namespace mars::block {

// errc::invalid_argument unless [offset, offset + bytes) are whole 512-byte sectors of the `size` bytes of `device`.
result<void> check_range(std::string_view device, std::uint64_t size, std::uint64_t offset, std::size_t bytes);

} // namespace mars::block
