// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/block_range.hpp"

#include <string>

#include "kernel/block/aligned_buffer.hpp"

namespace mars::block {

result<void> check_range(std::string_view device, std::uint64_t size, std::uint64_t offset, std::size_t bytes) {
    const bool sectors = offset % kSectorBytes == 0 && bytes % kSectorBytes == 0;
    if (sectors && offset <= size && bytes <= size - offset) return {};
    return failure(std::errc::invalid_argument, std::string(device) + ": expected whole sectors within " +
                                                    std::to_string(size) + " bytes, found " + std::to_string(bytes) +
                                                    " bytes at " + std::to_string(offset));
}

} // namespace mars::block
