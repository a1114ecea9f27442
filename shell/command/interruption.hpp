// SPDX-License-Identifier: GPL-2.0-or-later
// Interruption: what a verb does when it is cancelled (Ctrl-C, SIGTERM, a lost terminal), or when a phase fails: each
// resource puts back what it has done, unless it is beyond its point of no return; then it goes on to its end. Owned by
// the run of one verb (run.cpp). Spec: verbs 1.17, with docs/architecture.md. Tests:
// tests/unit/shell/handover_test.cpp, handover_end_test.cpp, verbs_systemd_test.cpp.
#pragma once

#include <exception>

#include "shell/command/worker.hpp"

namespace mars::shell {

class Interruption {
  public:
    // All of them outlive this.
    Interruption(Surroundings& surroundings, const Request& request, Workers& workers)
        : surroundings_(surroundings), request_(request), workers_(workers) {}

    // Runs `phases` in a task of its own, so that a cancellation of the caller reaches it only while nothing is
    // irrevocable. Returns when it has ended; then, after a cancellation, the workers have failed (verb.interrupted),
    // and their phase is undone. Clears throw_if_cancelled of the caller. Other exceptions pass.
    env::task<void> carry_through(env::task<void> phases);

    // The phase that interruptions concern from now on; null between phases.
    void enter(const Phase* phase) { current_ = phase; }

    // An interruption that others survive, because they are beyond the point of no return, ends those that are not.
    // To be called wherever a verb may take some time.
    env::task<void> drop_revocable();

    // `why` ends the worker, and what it has done up to `phase` is put back.
    env::task<void> fail_in(Worker& worker, failure why, const Phase& phase);
    // Calls the phase's undo. Is not interrupted itself. What fails in there is reported, and changes nothing else.
    env::task<void> put_back(Worker& worker, const Phase& phase);

    // Some resource is beyond its point of no return, or being put back.
    bool is_irrevocable() const;

  private:
    env::task<void> catch_all(env::task<void> phases, std::exception_ptr& error);
    env::task<void> interrupt();
    void fail_interrupted(Worker& worker);

    Surroundings& surroundings_;
    const Request& request_;
    Workers& workers_;
    const Phase* current_ = nullptr;
    int giving_back_ = 0;
    bool is_interrupted_ = false;
};

// Where a run was interrupted: the phases that are done, and those not begun. `current` is null between phases.
std::string interruption_text(const Request& request, const Phase* current);

} // namespace mars::shell
