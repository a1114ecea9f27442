// SPDX-License-Identifier: GPL-2.0-or-later
// Interrupts: what Ctrl-C (SIGINT), SIGTERM and SIGHUP mean at the moment, and SIGPIPE: nobody reads stdout any more.
// The program's signal handler asks here; whoever has something to interrupt says so for as long as that runs. One
// thread.
#pragma once

#include <functional>
#include <utility>

namespace mars::shell {

class Interrupts {
  public:
    // `handler(signal)` until the scope ends, then what was there before.
    class Scope {
      public:
        Scope(Interrupts& interrupts, std::function<void(int)> handler)
            : interrupts_(interrupts), before_(std::exchange(interrupts.handler_, std::move(handler))) {}
        ~Scope() { interrupts_.handler_ = std::move(before_); }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

      private:
        Interrupts& interrupts_;
        std::function<void(int)> before_;
    };

    void raise(int signal) {
        if (auto handler = handler_) handler(signal); // a copy: it may end its own scope
    }

  private:
    std::function<void(int)> handler_;
};

} // namespace mars::shell
