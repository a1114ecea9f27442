// SPDX-License-Identifier: GPL-2.0-or-later
// What fuzz targets share: a check that ends the run, and taking the input apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernel/base/result.hpp"

namespace mars::fuzz {

// Ends the program with the broken promise's text, so that the fuzzer keeps the input.
inline void check(bool good, std::string_view promise) {
    if (!good) panic(promise);
}

// Hands out the input piece by piece; zeros and empty pieces when it is used up.
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

    bool empty() const { return rest_.empty(); }
    std::uint8_t byte() {
        const auto piece = take(1);
        return piece.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(piece[0]);
    }
    std::uint16_t number() {
        const unsigned low = byte();
        return static_cast<std::uint16_t>(low | byte() * 256U);
    }
    std::span<const std::byte> take(std::size_t count) {
        const auto piece = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(piece.size());
        return std::as_bytes(piece);
    }
    std::span<const std::byte> rest() { return take(rest_.size()); }

  private:
    std::span<const std::uint8_t> rest_;
};

} // namespace mars::fuzz
