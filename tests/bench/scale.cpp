// SPDX-License-Identifier: GPL-2.0-or-later
// script/bench scale: three simulated hosts with many resources: how long a change of all of them takes until it is
// everywhere (in virtual time: delays, not computing), what idle hosts say to each other, and how much real time a
// second without events costs for all three.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/many_resources.hpp"

namespace {

using namespace std::chrono_literals;

double seconds(std::chrono::nanoseconds t) {
    return std::chrono::duration<double>(t).count();
}

double real_now() {
    return seconds(std::chrono::steady_clock::now().time_since_epoch());
}

// Until all hosts have it; negative: they have not within a minute.
double time_to_converge(mars::sim::ManyResources& many, std::size_t host, const std::string& key,
                        const std::string& value) {
    const auto begin = many.world().now();
    many.change_all(host, key, value);
    for (int i = 0; i < 6000; ++i) {
        many.world().run_for(10ms);
        if (many.is_everywhere(key, value) && many.differences().empty()) return seconds(many.world().now() - begin);
    }
    for (const auto& text : many.differences()) std::printf("    differs: %s\n", text.c_str());
    return -1;
}

} // namespace

int main(int argc, char** argv) {
    const std::size_t resources = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000;
    mars::sim::ManyResources many(resources);
    auto real = real_now();
    const auto wrong = many.set_up();
    if (!wrong.empty()) {
        std::printf("%s\n", wrong.c_str());
        return 1;
    }
    std::printf("%zu resources on 3 simulated hosts; set up in %.1f s of real time, %.1f s of virtual time\n",
                resources, real_now() - real, seconds(many.world().now()));
    many.world().run_for(120s);
    real = real_now();
    const auto bytes = many.bytes_on_the_wire(), looks = many.looks();
    constexpr auto kIdle = 120s;
    many.world().run_for(kIdle);
    std::printf(
        "idle: %.2f KiB/s of payload per peer and direction, %.0f looks at names per second and host, %.1f ms of "
        "real time per second and host\n",
        static_cast<double>(many.bytes_on_the_wire() - bytes) / 1024 / seconds(kIdle) / 6,
        static_cast<double>(many.looks() - looks) / seconds(kIdle) / 3, 1e3 * (real_now() - real) / seconds(kIdle) / 3);
    for (const auto& [host, key, value] :
         {std::tuple(0, "todo-hostb/allow-replay", "0"), std::tuple(1, "todo-hostb/allow-replay", "1"),
          std::tuple(2, "todo-hosta/sync", "0")}) {
        real = real_now();
        const double took = time_to_converge(many, static_cast<std::size_t>(host), key, value);
        std::printf("%s = %s of all resources, written on host%c: everywhere, and all hosts equal, after %.2f s (%.1f "
                    "s of real time)\n",
                    key, value, 'a' + host, took, real_now() - real);
    }
    return 0;
}
