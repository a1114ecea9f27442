// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/fiber.hpp"

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>

using mars::shell::Fiber;

TEST_CASE("a fiber runs until it pauses, and goes on from there") {
    std::string trace;
    Fiber* self = nullptr;
    Fiber fiber([&] {
        std::string own = "kept on its stack";
        trace += "a";
        self->pause();
        trace += "b" + own.substr(0, 4);
        self->pause();
        trace += "c";
    });
    self = &fiber;
    CHECK(trace.empty());
    fiber.resume();
    CHECK(trace == "a");
    CHECK_FALSE(fiber.is_done());
    fiber.resume();
    CHECK(trace == "abkept");
    fiber.resume();
    CHECK(trace == "abkeptc");
    CHECK(fiber.is_done());
}

TEST_CASE("an exception of a fiber comes out where it was resumed") {
    Fiber fiber([] { throw std::runtime_error("inside"); });
    CHECK_THROWS_WITH(fiber.resume(), "inside");
    CHECK(fiber.is_done());
}

TEST_CASE("a fiber that goes away while it pauses destroys what is on its stack") {
    std::string trace;
    {
        Fiber* self = nullptr;
        Fiber fiber([&] {
            struct Owner {
                std::string& trace;
                ~Owner() { trace += "destroyed"; }
            } owner{trace};
            try {
                self->pause();
            } catch (const std::exception&) {
                trace += "caught";
            }
            trace += "went on";
        });
        self = &fiber;
        fiber.resume();
        CHECK(trace.empty());
    }
    CHECK(trace == "destroyed");
}

TEST_CASE("a fiber has room for deep recursion; fibers nest; one that never ran goes away") {
    struct Deep {
        static int sum(int n) {
            volatile char room[4096];
            room[0] = static_cast<char>(n);
            return n == 0 ? 0 : room[0] * 0 + 1 + sum(n - 1);
        }
    };
    int depth = 0;
    Fiber outer([&] {
        Fiber inner([&] { depth = Deep::sum(4000); });
        inner.resume();
    });
    outer.resume();
    CHECK(depth == 4000);
    Fiber never([] {});
    CHECK_FALSE(never.is_done());
}
