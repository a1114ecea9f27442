// SPDX-License-Identifier: GPL-2.0-or-later
// When an idle session says that it lives, and when its peer is taken for dead.
#include "kernel/block/signs_of_life.hpp"

#include <catch2/catch.hpp>

using namespace mars;
using namespace mars::block;
using namespace std::chrono_literals;

namespace {

AliveSign sign(std::optional<Duration> next_in, bool wants_answer = false) {
    AliveSign made;
    made.next_in = next_in;
    made.wants_answer = wants_answer;
    return made;
}

// Quiet for so long that it rests, with a peer that does, too.
SignsOfLife at_rest() {
    SignsOfLife life{LifeLimits()};
    (void)life.look(false);
    life.heard(sign(5s));
    CHECK(life.look(false) == sign(60s));
    life.heard(sign(60s));
    return life;
}

} // namespace

TEST_CASE("signs of life: two sides that have nothing to say rest, and tell it") {
    SignsOfLife life{LifeLimits()};
    CHECK(life.pause() == 5s);
    CHECK(life.look(false) == sign(5s)); // something was said in the beginning
    CHECK(life.look(false) == sign(5s)); // whether the peer would know what that means is not known
    life.heard(sign(5s));
    CHECK(life.look(false) == sign(60s));
    CHECK(life.is_resting());
    CHECK(life.pause() == 60s);
}

TEST_CASE("signs of life: with a peer of an older release, nobody rests") {
    SignsOfLife life{LifeLimits()};
    for (int i = 0; i < 5; ++i) {
        life.heard(sign(std::nullopt));
        CHECK(life.look(false) == sign(5s));
    }
    CHECK_FALSE(life.is_overdue(29s, 0s));
    CHECK(life.is_overdue(30s, 0s));
}

TEST_CASE("signs of life: what is sent or heard ends the rest") {
    auto sender = at_rest();
    sender.stir();
    CHECK(sender.pause() == 5s);
    CHECK(sender.look(false) == sign(5s));
    auto receiver = at_rest();
    CHECK_FALSE(receiver.is_overdue(84s, 0s));
    receiver.heard_message();
    CHECK(receiver.pause() == 5s);
    CHECK(receiver.is_overdue(30s, 0s)); // who sends says more within 5 s
}

TEST_CASE("signs of life: while something is under way, none is needed") {
    SignsOfLife life{LifeLimits()};
    life.heard(sign(5s));
    CHECK_FALSE(life.look(true));
    CHECK_FALSE(life.is_resting());
}

TEST_CASE(
    "signs of life: a peer that rests is given up later than it has promised, and at once when it does not answer") {
    auto life = at_rest();
    CHECK_FALSE(life.is_overdue(84s, 0s));
    CHECK(life.is_overdue(85s, 0s));
    CHECK(life.ask(40s) == sign(5s, true));
    CHECK_FALSE(life.ask(41s));   // once
    for (int i = 0; i < 5; ++i) { // it does not rest before it knows
        CHECK(life.pause() == 5s);
        (void)life.look(false);
    }
    CHECK_FALSE(life.is_overdue(69s, 0s));
    CHECK(life.is_overdue(70s, 0s));
    life.end_asking(); // it has answered
    CHECK_FALSE(life.is_overdue(100s, 70s));
}

TEST_CASE("signs of life: no promise makes a dead peer live for ever") {
    SignsOfLife life{LifeLimits()};
    life.heard(sign(std::chrono::hours(1000)));
    CHECK(life.is_overdue(145s, 0s));
    life.heard(sign(0s));
    CHECK_FALSE(life.is_overdue(29s, 0s));
}
