// SPDX-License-Identifier: GPL-2.0-or-later
// Runner: one thing that a Controller can have running for its resource: an engine, how it is begun, led and ended, and
// what is told of it. The Controller knows its runners only by this interface, but for what they need of each other.
// All steps are short, or may be interrupted by a crash at any time. Runs on: the host's executor, in the Controller's
// loop; publish() and the add_… functions at any time.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "kernel/block/disk.hpp"
#include "kernel/resource/context.hpp"
#include "kernel/resource/decide.hpp"
#include "kernel/resource/publication.hpp"

namespace mars::resource {

class Runner {
  public:
    virtual ~Runner() = default;

    // What it is on the disk, for decide(); off for what does not use that.
    virtual Engine kind() const { return Engine::off; }
    virtual bool is_running() const = 0;
    // What decide() needs to know of it.
    virtual void observe(Local& local) = 0;
    // What it is at is what the plan wants. Only while it runs.
    virtual bool is_wanted(const Plan& plan) const = 0;
    // One step towards its end. True: something was done; false: it has to wait.
    virtual env::task<bool> stop(const Plan& plan) = 0;
    // Begins, or goes on with, what the plan wants of it. True: something was done. `disk` may be null.
    virtual env::task<bool> advance(const Plan& plan, std::shared_ptr<block::Disk> disk) = 0;
    // It has ended by itself, and nobody has taken notice of it.
    virtual bool has_ended() const { return false; }
    // Takes notice of its end; only then.
    virtual env::task<void> take_outcome() { co_return; }

    // Publishes how far it is. True: that is the position of this host in its logs.
    virtual env::task<result<bool>> publish() { co_return false; }
    virtual void add_facts(Facts& facts) = 0;
    // What the operator should know, by message key; those that are there already go first.
    virtual void add_messages(std::map<std::string, std::string>& messages) const { (void)messages; }

  protected:
    explicit Runner(Context& context) : context_(context), host_(context.host), view_(context.view) {}

    Context& context_;
    Host& host_;
    const ResourceView& view_;
};

inline Rate rate_of(const block::Limiter& limiter, bool is_running) {
    Rate rate;
    if (!is_running) return rate;
    rate.amount = static_cast<std::uint64_t>(limiter.amount_rate());
    rate.operations = static_cast<std::uint64_t>(limiter.operations_rate());
    return rate;
}

} // namespace mars::resource
