// SPDX-License-Identifier: GPL-2.0-or-later
// State: what the state-inspection primitives read from the tree, for the host and resource that the variables `host`,
// `res` and `resdir` name at that moment. Positions and split-brain results are remembered until forget(). Spec:
// macro-language 3. Tests: tests/unit/macros/states_test.cpp, tests/golden/macros/.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/stamp.hpp"
#include "kernel/tree/log_progress.hpp"
#include "kernel/tree/news.hpp"
#include "kernel/tree/view.hpp"
#include "macros/language/evaluator.hpp"
#include "macros/state/context.hpp"

namespace mars::macros {

// Slots of the predefined variables.
enum PredefinedSlot : Slot {
    kRes = kFixedSlots,
    kResdir,
    kMars,
    kHost,
    kRealHost,
    kIp,
    kTimeout,
    kThreshold,
    kWindow,
    kStuckSeconds,
    kKeepBackupHours,
    kKeepBackupSeconds,
    kForce,
    kDryRun,
    kVerbose,
    kPredefinedEnd
};

class State : public Companion {
  public:
    explicit State(const Context& context);

    std::span<const std::string_view> variables() const override;
    void join(Evaluator& evaluator) override { evaluator_ = &evaluator; }
    void begin(std::string_view resource) override;

    const Context& context() const { return context_; }
    const tree::View& view() const { return context_.view; }
    std::string host() const;
    std::string resource() const;
    // Path of a key of the resource, relative to the tree: of the variable `resdir`, and of `res`.
    std::string in_resource(std::string_view key) const;
    std::string in_named_resource(std::string_view key) const;
    // Path of an absolute name relative to the tree; nullopt when it lies outside.
    std::optional<std::string> below_tree(std::string_view path) const;

    // Values of links: deleted ones are empty; a missing checked one is empty with a warning.
    std::string optional(const std::string& path) const { return view().value(path); }
    std::string checked(const std::string& path) const;

    Stamp now() const; // Lamport time
    Stamp system_time() const;
    // This host, at this moment.
    tree::Looker looker() const;
    bool is_recent(std::string_view stamp) const;
    // As that, for a heartbeat of `host`, by when it was heard.
    bool is_heard(const std::string& host, std::string stamp) const;
    bool is_within_window(std::string_view stamp, Stamp until) const;
    // `stamp` is a heartbeat of `host`; when it is ahead of real time, the time at which it was received here.
    std::string heard_time(const std::string& host, std::string stamp) const;

    // Hosts with an address, those whose address was deleted included.
    std::vector<std::string> peers() const;
    bool is_deleted_peer(const std::string& host) const;
    std::vector<std::string> resources() const { return view().suffixes("", "resource-"); }
    bool is_related(const std::string& resource, const std::string& host) const;
    bool is_member(const std::string& resource, const std::string& host) const;
    bool is_guest(const std::string& resource, const std::string& host) const;
    // Members of the resource in the variable `res`.
    std::vector<std::string> members() const;

    // The designated primary; empty for "(none)". A missing link fails in releases up to 0.1a, and warns now.
    Flow designated_primary(std::string& host);
    bool is_local() const; // acting for this machine
    std::string device_path() const;
    std::string device_present(); // "1", "0" or empty

    const tree::LogProgress& positions();
    bool is_split_brain();
    // What speaks for it, one line per finding.
    std::string split_report();
    // Drops what is remembered; to be called when time has passed.
    void forget();
    // Seconds that %timeout and the waits may still use; a negative --timeout means endless.
    std::int64_t& wait_budget() { return wait_budget_; }

  private:
    void warn_missing(const std::string& path) const;
    std::string missing_text(const std::string& path) const;
    std::string find_split(const std::string& directory) const;

    const Context& context_;
    Evaluator* evaluator_ = nullptr;
    std::int64_t wait_budget_;
    std::map<std::string, tree::LogProgress> positions_;
    std::map<std::string, std::string> split_; // what was found, by directory
};

// The State that goes along with an evaluator of ours.
inline State& state_of(Evaluator& evaluator) {
    return static_cast<State&>(evaluator.companion());
}

} // namespace mars::macros
