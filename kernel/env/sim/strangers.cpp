// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/strangers.hpp"

#include <algorithm>

#include "kernel/env/deadline.hpp"
#include "kernel/env/sim/network.hpp"

namespace mars::env::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kGarbage = 4096; // bytes at a time

} // namespace

void Strangers::call(const Endpoint& to, Manner manner, std::size_t count, Duration span) {
    const auto until = process_.clock().steady() + span;
    for (std::size_t i = 0; i < count; ++i) calls_.spawn("stranger", keep_calling(to, manner, until));
}

task<void> Strangers::keep_calling(Endpoint to, Manner manner, Duration until) {
    while (process_.clock().steady() < until) {
        auto stream = co_await process_.net().connect(to, 5s);
        if (stream) {
            ++connected_;
            co_await talk(**stream, to.port, manner, until);
        }
        const auto pause = process_.random().below(1000);
        co_await process_.clock().sleep(std::chrono::milliseconds(100 + pause));
    }
}

// Says what it has to say, then waits for the end.
task<void> Strangers::talk(Stream& stream, std::uint16_t port, Manner manner, Duration until) {
    auto talked = [this, &stream, port, manner]() -> task<result<void>> {
        do {
            const auto said = words(port, manner);
            auto written = co_await stream.write(said);
            if (!written) co_return written;
            if (manner == Manner::garbage || manner == Manner::huge) co_await process_.clock().sleep(10ms);
        } while (manner == Manner::garbage || manner == Manner::huge);
        std::vector<std::byte> heard(kGarbage);
        while (true) {
            auto got = co_await stream.read_some(heard);
            if (!got || *got == 0) co_return result<void>();
        }
    };
    auto conversation = talked();
    const auto left = std::max(until - process_.clock().steady(), Duration(1));
    auto ended = co_await with_deadline(process_, left, "a stranger", std::move(conversation));
    if (ended || !ended.error().is(std::errc::timed_out)) ++hung_up_;
    stream.close();
}

std::vector<std::byte> Strangers::words(std::uint16_t port, Manner manner) {
    auto& random = process_.random();
    std::vector<std::byte> said;
    if (manner == Manner::idle) return said;
    if (manner == Manner::garbage) {
        said.resize(kGarbage);
        for (auto& byte : said) byte = static_cast<std::byte>(random.below(256));
        return said;
    }
    said = process_.machine().world().network().overheard(port);
    if (manner == Manner::unfinished) {
        said.resize(random.below(said.size() + 1));
        return said;
    }
    said.resize(std::max<std::size_t>(said.size(), 64), std::byte{0xff});
    const auto at = static_cast<std::ptrdiff_t>(random.below(16) * 2);
    std::fill_n(said.begin() + at, 4, std::byte{0xff});
    return said;
}

} // namespace mars::env::sim
