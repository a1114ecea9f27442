// SPDX-License-Identifier: GPL-2.0-or-later
// Hooks: where plugins listen. Whoever does something that others may want to know of, or to prevent, makes an Event
// and fires it. Names are words joined by dots, from the general to the particular; listeners give patterns
// ("primary.*",
// "*.before").
//
//   VERB.before, VERB.after              once per resource (or once, for verbs without one); after a success
//   VERB.failed                          instead of VERB.after; `values` has reason and text
//   VERB.PHASE.before, VERB.PHASE.after  around each phase of a verb that has several; PHASE is its name, else its
//   number state.WHAT                           a change of state that was observed: old and new value in `values`
//   application.ACTION.before, .after    the cluster manager starts, stops, checks or moves an application
//
// A ".before" that a listener refuses must not happen: fire() then fails with hook.failed, naming plugin and reason. Of
// ".after" and "state." a failure is only a warning, which fire() has printed; the result is a success. Verbs that only
// give information (kInformational) fire nothing. Spec: verbs 1.12 (ours: event names; in-process listeners).
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"
#include "kernel/env/task.hpp"

namespace mars::shell {

struct Event {
    Event(std::string n, std::string r, std::string h)
        : name(std::move(n)), resource(std::move(r)), host(std::move(h)) {}

    std::string name;     // "primary.leave-old.before"
    std::string resource; // may be empty
    std::string host;     // that is acted for, or whose state has changed
    std::map<std::string, std::string> values;
    bool forced = false;                       // --force: a refusal becomes a warning
    bool dry_run = false;                      // listeners are only named, not called
    Duration limit = std::chrono::seconds(60); // for each of them; 0: none
};

class Hooks {
  public:
    virtual ~Hooks() = default;

    // May anybody listen to an event of this name? Cheap; false saves making the event.
    virtual bool listens(std::string_view name) = 0;
    // Calls all listeners, one after the other. Suspends as long as they do; cancellable. Failure: hook.failed, of a
    // ".before" only.
    virtual env::task<result<void>> fire(Event event) = 0;
};

// Does `pattern` describe `name`? `*` stands for any number of characters.
bool matches_event(std::string_view pattern, std::string_view name);
bool is_before(std::string_view event_name);

// Fires unless there is nobody to fire to: `hooks` may be null.
env::task<result<void>> fire(Hooks* hooks, Event event);

} // namespace mars::shell
