// SPDX-License-Identifier: GPL-2.0-or-later
// SignsOfLife: when an idle side of a session has to say that it lives, and when the other side is taken for dead.
// Between hosts with many resources, nearly all sessions are idle. Two sides that have nothing to say to each other for
// some time rest: each says in its sign of life how long the next one will take. Whatever is sent or heard ends that.
// A side that learns otherwise that the peer may be a new one (it has connected anew elsewhere), or has something to
// say that does not arrive, asks for a sign. Pure: no clock, no I/O. Times are steady.
// Format: docs/formats/fetch.md. Tests: tests/unit/block/signs_of_life_test.cpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "kernel/block/peer_messages.hpp"

namespace mars::block {

struct LifeLimits {
    Duration pulse = std::chrono::seconds(5);    // an idle side shows that it lives this often
    Duration rest = std::chrono::seconds(60);    // one that rests
    Duration silence = std::chrono::seconds(30); // nothing heard for so long: the peer is gone; longer while it rests
};

class SignsOfLife {
  public:
    explicit SignsOfLife(LifeLimits limits) : limits_(limits), promised_(limits.pulse) {}

    // A message other than a sign of life was sent, or heard.
    void stir() {
        has_stirred_ = true;
        is_resting_ = false;
    }
    void heard_message() {
        promised_ = limits_.pulse;
        stir();
    }
    void heard(const AliveSign& sign) {
        if (!sign.next_in) return; // a release that does not rest
        can_peer_rest_ = true;
        promised_ = std::clamp(*sign.next_in, limits_.pulse, limits_.rest * 2);
    }

    bool is_resting() const { return is_resting_; }
    // Until the next look.
    Duration pause() const { return is_resting_ ? limits_.rest : limits_.pulse; }
    // The pause is over: what is to be said. `is_sending`: something else is under way, which is sign enough.
    std::optional<AliveSign> look(bool is_sending) {
        const bool is_quiet = !std::exchange(has_stirred_, false);
        if (is_sending) return std::nullopt;
        is_resting_ = is_quiet && can_peer_rest_ && !asked_at_;
        return sign(false);
    }

    // The peer shall say something; nothing when it does so soon anyway, or was asked already.
    std::optional<AliveSign> ask(Duration now) {
        if (promised_ <= limits_.pulse || asked_at_) return std::nullopt;
        asked_at_ = now;
        stir();
        return sign(true);
    }
    AliveSign answer() const { return sign(false); }

    // Something was heard.
    void end_asking() { asked_at_.reset(); }
    // `listening_since`: nothing was heard since then, although this side was ready to.
    bool is_overdue(Duration now, Duration listening_since) const {
        const auto limit = limits_.silence - limits_.pulse + promised_;
        return now - listening_since >= limit || (asked_at_ && now - *asked_at_ >= limits_.silence);
    }

  private:
    AliveSign sign(bool wants_answer) const {
        AliveSign sign;
        sign.next_in = pause();
        sign.wants_answer = wants_answer;
        return sign;
    }

    LifeLimits limits_;
    bool has_stirred_ = true;
    bool is_resting_ = false;
    bool can_peer_rest_ = false;
    Duration promised_; // by the peer
    std::optional<Duration> asked_at_;
};

} // namespace mars::block
