// SPDX-License-Identifier: GPL-2.0-or-later
// Waiting of verbs: for indicators, switches, the device, and the other members of the cluster. Nothing here polls:
// each wait sleeps until something in the directories concerned changes, or its deadline has come. Spec:
// verbs 1.11, 2.5. News of others: news.cpp. Tests: tests/unit/shell/verbs_wait_test.cpp, dry_run_test.cpp.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shell/command/context.hpp"

namespace mars::shell {

// What is left of --timeout for the whole verb; nullopt when there is no such limit.
std::optional<Duration> time_left(const VerbContext& ctx);

// The end of a waiting phase, on the monotonic clock; never after the end of the whole verb.
class Deadline {
  public:
    // `budget`: nullopt for no limit.
    Deadline(VerbContext& ctx, std::optional<Duration> budget);
    bool is_over() const;
    Duration elapsed() const;
    // What is left, at most `most`.
    Duration left(Duration most) const;

  private:
    env::Clock& clock_;
    Duration start_;
    std::optional<Duration> end_;
};

struct Condition {
    std::vector<std::string> directories; // where a change may make it true
    std::function<bool()> holds;
    std::function<std::string()> description;            // what is missing, for progress and the timeout's message
    std::function<std::optional<failure>()> broken = {}; // why waiting is hopeless; may be empty
    Duration recheck = std::chrono::seconds(30);         // also looked at so often, for conditions that depend on ages
    bool is_independent = false;                         // a dry run waits as well, as the deadline says
};

// Waits until the condition holds. False when the deadline passed; what `broken` says as a failure. References in
// `condition` must outlive the call. A dry run looks once, and says what it would wait for.
env::task<result<bool>> wait_until(VerbContext& ctx, const Condition& condition, const Deadline& deadline);
// The same with --timeout as budget; on timeout the refusal `reason` with the description and `advice`.
env::task<result<void>> wait_or_refuse(VerbContext& ctx, const Condition& condition, Reason reason, std::string advice);

// W-IS: actual-HOST/NAME equals `value`. A missing indicator counts as "0", but as unknown for open-count of another
// host.
env::task<result<void>> wait_indicator(VerbContext& ctx, std::string host, std::string name, std::string value);
// W-TODO: the switch todo-ME/NAME equals `value`.
env::task<result<void>> wait_switch(VerbContext& ctx, std::string name, std::string value);
// is-attached of ME becomes 1; ends early when the disk cannot be opened.
env::task<result<void>> wait_attached(VerbContext& ctx);
// W-DEVICE: the device is present (absent) on ME.
env::task<result<void>> wait_device(VerbContext& ctx, bool present);
// Of ME: a device whose log has failed is there, too, but of no use.
result<void> check_device_works(const VerbContext& ctx);

// W-CLUSTER: every one of `peers` has answered a question that is asked now (kernel/tree/question.hpp), so everything
// that it knew when it saw the question is visible here; or it is dead (nothing for half a window). Dead peers cost one
// warning. `enough`: ends the wait early; may be empty. Returns how many answered.
env::task<result<std::size_t>> wait_cluster(VerbContext& ctx, std::vector<std::string> peers,
                                            std::function<bool()> enough = {});

// What a wait for news shall be like.
struct News {
    std::function<bool()> enough; // ends the wait early; may be empty
    // Only these are waited for as long as they may live; for the others, `patience`. nullopt: all.
    std::optional<std::vector<std::string>> deciding;
    Duration patience = std::chrono::seconds(1);
    bool is_quiet = false; // nothing is said about those that are silent
    // Silent ones are a timeout (wait.cluster): for verbs that do nothing else. To others a dead host that they do not
    // need is no reason to fail.
    bool is_strict = false;

    bool decides(const std::string& host) const;
};
// The same, as `news` says. A dry run says what it would wait for after a moment.
env::task<result<std::size_t>> wait_for_news(VerbContext& ctx, std::vector<std::string> peers, News news);
// What is known of each: "a (last heard of 2.1 s ago), b (never heard of)"; only their number when there are many.
std::string news_text(const VerbContext& ctx, const std::vector<std::string>& peers);

// Asks all hosts for news, once; also in a dry run. Returns the question's stamp. Errors: of the tree.
env::task<result<Stamp>> ask_for_news(VerbContext& ctx);
// `host` has seen the question, or a later one of this host, and has told all it knew then.
bool has_answered(const VerbContext& ctx, const std::string& host, Stamp asked);

// No other member has been made primary: else the refusal role.lost.
result<void> check_not_overtaken(const VerbContext& ctx);

// True when the value of the indicator is `value`, with the rules of wait_indicator.
bool is_indicator(const VerbContext& ctx, std::string_view host, std::string_view name, std::string_view value);
// The device of ME is there: actual-ME/if-on.
bool has_device(const VerbContext& ctx);
std::string seconds_text(Duration d);

} // namespace mars::shell
