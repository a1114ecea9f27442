// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever a peer sends on port 7777, messages parse or fail, and what has been parsed is written back equal.
// Keys of accepted batches go through the checks that they meet before they are applied.
// Input: a byte that chooses the message, then its payload.
#include <algorithm>

#include "kernel/tree/exchange_messages.hpp"
#include "kernel/tree/paths.hpp"
#include "tests/fuzz/check.hpp"

using namespace mars::tree;
using mars::fuzz::check;

namespace {

template<class Parse>
void round_trip(std::span<const std::byte> payload, Parse parse) {
    const auto message = parse(payload);
    if (message) check(std::ranges::equal(encode(*message), payload), "a message has one form");
}

void check_keys(std::span<const std::byte> payload) {
    const auto batch = parse_batch(payload);
    if (!batch) return;
    for (auto& version : batch->versions) {
        const bool good = check_path(version.path).has_value();
        if (good) check(version.path.find("..") != 0 && version.path.find("/.") == std::string::npos, "no way up");
        if (check_value(version.value)) check(version.value.find('\0') == std::string::npos, "no NUL in values");
        (void)is_transferable(version.path);
        (void)is_barrier(version.path);
        (void)is_written_by(version.path, "h");
        if (good) (void)systemd_trigger_for(version.path);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto payload = std::as_bytes(std::span(data, size)).subspan(1);
    switch (data[0] % 8) {
    case 0:
        round_trip(payload, parse_hello);
        break;
    case 1:
        round_trip(payload, parse_welcome);
        break;
    case 2:
        round_trip(payload, parse_peers);
        break;
    case 3:
        round_trip(payload, parse_compare);
        break;
    case 4:
        round_trip(payload, parse_differing);
        break;
    case 5:
        round_trip(payload, parse_batch);
        check_keys(payload);
        break;
    case 6:
        round_trip(payload, parse_ping);
        break;
    default:
        if (auto reason = parse_reason(payload)) check(reason->size() <= 1000, "reasons are bounded");
        if (auto missing = parse_unstored(payload)) check(missing->reason.size() <= 1000, "reasons are bounded");
    }
    return 0;
}
