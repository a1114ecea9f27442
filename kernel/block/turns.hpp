// SPDX-License-Identifier: GPL-2.0-or-later
// Turns: many tasks that compute for long, one slice at a time for all of them: between two slices the event loop goes
// round once, so that a request of a device waits for one slice, however many tasks there are. Runs on: one thread.
// It must outlive its Turn objects. Tests: tests/unit/block/turns_test.cpp.
#pragma once

#include <utility>

#include "kernel/env/parking.hpp"
#include "kernel/env/task.hpp"

namespace mars::block {

class Turns {
  public:
    // Ends with it. Whoever has one computes (some 0.2 ms), and lets the loop go round (let_others_run()).
    class Turn {
      public:
        explicit Turn(Turns& turns) : turns_(&turns) { turns.is_taken_ = true; }
        Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (!turns_) return;
            turns_->is_taken_ = false;
            turns_->free_.notify();
        }

      private:
        Turns* turns_;
    };

    explicit Turns(env::ParkingLot& lot) : free_(lot) {}

    env::task<Turn> take() {
        while (is_taken_) co_await free_.wait();
        Turn turn(*this);
        co_return std::move(turn);
    }

  private:
    bool is_taken_ = false;
    env::Event free_;
};

} // namespace mars::block
