// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/positions.hpp"

#include <cstdlib>

namespace mars::resource {

Positions::Positions(tree::Tree& tree, const std::string& resource, std::string me)
    : tree_(tree), view_(tree, resource), me_(std::move(me)) {}

env::task<result<void>> Positions::publish(format::ReplayLink replay, std::int64_t known_length) {
    const auto directory = tree::resource_dir(view_.name());
    if (told_.version != 0 && told_.version == tree_.version_of(directory) && told_.replay == replay &&
        told_.known_length == known_length)
        co_return result<void>();
    const auto before = view_.replay(me_);
    if (!may_publish(replay.log.seq))
        co_return failure(std::errc::invalid_argument, "resource " + view_.name() + ": position in " +
                                                           replay.log.text() + " does not follow " +
                                                           (before ? before->log.text() : "the published one"));
    // In this order: without its version link, a position at the end of a log would stay there, as nothing is left to
    // be replayed and told. The smaller of the two counts.
    MARS_CO_TRY_VOID(write_version(replay.log, known_length, false));
    MARS_CO_TRY_VOID(tree_.set(view_.key("replay-" + me_), replay.text()));
    const auto version = tree_.version_of(directory);
    if (before && before->log.seq < replay.log.seq) MARS_CO_TRY_VOID(co_await tree_.sync());
    told_ = Told{replay, known_length, version};
    co_return result<void>();
}

result<void> Positions::correct_version(const format::LogName& log, std::int64_t length) {
    return write_version(log, length, true);
}

// W3: the number published last or its successor, or the one that skip-check names.
bool Positions::may_publish(std::int64_t number) const {
    const auto last = view_.replay(me_);
    if (!last || number == last->log.seq || number == last->log.seq + 1) return true;
    const auto permitted = view_.tree().value(view_.key("skip-check-" + me_));
    return !permitted.empty() && std::strtoll(permitted.c_str(), nullptr, 10) == number;
}

result<void> Positions::write_version(const format::LogName& log, std::int64_t length, bool restamp) {
    const auto previous = log.seq <= 1 ? std::string() : view_.version_text(log.seq - 1, me_);
    const auto value = format::make_version(log, length, previous).text();
    const auto path = view_.version_key(log.seq, me_);
    return restamp ? tree_.touch(path, value) : tree_.set(path, value);
}

} // namespace mars::resource
