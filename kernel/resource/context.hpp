// SPDX-License-Identifier: GPL-2.0-or-later
// Context: what all parts of one resource's Controller share. Round: what they leave behind in one round of its loop.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "kernel/env/quiet_log.hpp"
#include "kernel/resource/host.hpp"
#include "kernel/resource/log_store.hpp"
#include "kernel/resource/positions.hpp"
#include "kernel/resource/resource_view.hpp"
#include "kernel/resource/signal.hpp"

namespace mars::resource {

class Round {
  public:
    // `limit`: until the next one begins if nothing happens before.
    void begin(Duration limit) {
        next_look_ = limit;
        said_.clear();
    }
    // What the operator should know, by message key, beside what the plan says.
    void say(const std::string& key, std::string text) { said_[key] = std::move(text); }
    void look_again_in(Duration pause) { next_look_ = std::min(next_look_, pause); }

    Duration next_look() const { return next_look_; }
    const std::map<std::string, std::string>& said() const { return said_; }

  private:
    Duration next_look_{};
    std::map<std::string, std::string> said_;
};

struct Context {
    Host& host;
    const ResourceView& view;
    LogStore& logs;
    Positions& positions;
    Signal& signal;
    Round& round;
    env::QuietLog& quiet;
    bool is_ending = false; // marsd is being stopped

    const std::string& me() const { return host.me(); }
    Duration now() const { return host.env.clock().steady(); }
    // The name of a key of the resource that is not told to others.
    std::string local_key(std::string_view name) const {
        return view.key("local-" + host.me() + "/" + std::string(name));
    }
    // For lines in the log.
    std::string prefix() const { return "resource " + view.name() + ": "; }
};

} // namespace mars::resource
