// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/sd_bus_systemd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <map>

#include "shell/local/process.hpp"
#include "shell/local/trust.hpp"
#include "shell/systemd/device_users.hpp"
#include "shell/systemd/host_facts.hpp"
#include "shell/systemd/sd_bus_connection.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell::systemd {

using namespace std::chrono_literals;

std::string_view job_name(JobKind kind) {
    switch (kind) {
    case JobKind::start:
    case JobKind::start_alone:
        return "start";
    case JobKind::stop:
        return "stop";
    case JobKind::restart:
        return "restart";
    }
    return "";
}

namespace {

constexpr std::size_t kThreads = 4;
constexpr Duration kSlice = 300ms; // how soon a wait for a job notices that it shall end

// One job, from its request to its end, in slices. Used by one thread at a time.
class Job {
  public:
    Job(JobKind kind, std::string unit) : kind_(kind), unit_(std::move(unit)) {}

    result<void> begin();
    // True when it has ended well; a failure when it ended otherwise; false when it goes on.
    result<bool> wait(Duration slice);
    failure late() const;

  private:
    static int on_removed(sd_bus_message* message, void* self, sd_bus_error*);
    result<bool> verdict(const std::string& outcome);
    std::string what() const { return "unit " + unit_ + ": " + std::string(job_name(kind_)); }
    std::string where_to_look() const { return "; look at: systemctl status " + unit_ + "; journalctl -u " + unit_; }

    JobKind kind_;
    std::string unit_;
    BusPtr bus_;
    SlotPtr slot_;
    std::string object_;
    std::map<std::string, std::string> ended_; // jobs that have ended, and how
};

int Job::on_removed(sd_bus_message* message, void* self, sd_bus_error*) {
    std::uint32_t id = 0;
    const char *object = nullptr, *unit = nullptr, *outcome = nullptr;
    if (sd_bus_message_read(message, "uoss", &id, &object, &unit, &outcome) >= 0)
        static_cast<Job*>(self)->ended_[object] = outcome;
    return 0;
}

result<void> Job::begin() {
    MARS_TRY(bus_, open_bus());
    sd_bus_slot* slot = nullptr;
    int code = sd_bus_match_signal(bus_.get(), &slot, nullptr, kManagerPath, kManager, "JobRemoved", on_removed, this);
    if (code < 0) return no_bus(code);
    slot_.reset(slot);
    if (auto subscribed = call(bus_.get(), what(), "Subscribe", ""); !subscribed) return subscribed.error();
    const char* method = kind_ == JobKind::stop ? "StopUnit" : kind_ == JobKind::restart ? "RestartUnit" : "StartUnit";
    const char* mode = kind_ == JobKind::start_alone ? "ignore-requirements" : "replace";
    auto reply = call(bus_.get(), what(), method, "ss", unit_.c_str(), mode);
    if (!reply) return refusal("unit.job", reply.error().text + where_to_look());
    const char* object = nullptr;
    if (code = sd_bus_message_read(reply->get(), "o", &object); code < 0) return no_bus(code);
    object_ = object;
    return {};
}

result<bool> Job::verdict(const std::string& outcome) {
    if (outcome == "done" || outcome == "skipped") return true;
    auto state = ask_state(bus_.get(), unit_);
    std::string now = state ? ", the unit is " + state->active + " (" + state->sub + ")" : "";
    std::string why = outcome == "dependency" ? " (a unit that it needs has failed)" : "";
    return refusal("unit.job", what() + " ended with '" + outcome + "'" + why + now + where_to_look());
}

result<bool> Job::wait(Duration slice) {
    const auto end = std::chrono::steady_clock::now() + slice;
    while (true) {
        int code = sd_bus_process(bus_.get(), nullptr);
        if (code < 0) return no_bus(code);
        if (auto ended = ended_.find(object_); ended != ended_.end()) return verdict(ended->second);
        if (code > 0) continue;
        const auto left = end - std::chrono::steady_clock::now();
        if (left <= 0ns) return false;
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(left).count();
        if (code = sd_bus_wait(bus_.get(), static_cast<std::uint64_t>(us)); code < 0 && code != -EINTR)
            return no_bus(code);
    }
}

failure Job::late() const {
    return failure(std::errc::timed_out, what() + " has not ended, it goes on" + where_to_look());
}

// A call of the manager that takes one unit and needs no answer.
result<void> call_with_list(const std::string& unit, const char* method, bool is_enable) {
    MARS_TRY(auto bus, open_bus());
    const auto what = "unit " + unit + ": " + (is_enable ? "enable" : "disable");
    auto reply = is_enable ? call(bus.get(), what, method, "asbb", 1, unit.c_str(), 1, 1)
                           : call(bus.get(), what, method, "asb", 1, unit.c_str(), 1);
    if (!reply) return reply.error();
    return {};
}

result<void> write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        auto n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno_failure(errno, "write");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

result<void> write_unit(const UnitFile& file, const std::string& temporary) {
    int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return errno_failure(errno, temporary);
    auto written = write_all(fd, file.content);
    const timespec times[2] = {{file.mtime, 0}, {file.mtime, 0}};
    if (written && (::fchmod(fd, file.mode) != 0 || ::futimens(fd, times) != 0 || ::fsync(fd) != 0))
        written = errno_failure(errno, temporary);
    ::close(fd);
    if (written && ::rename(temporary.c_str(), file.path.c_str()) != 0) written = errno_failure(errno, file.path);
    if (!written) ::unlink(temporary.c_str());
    return written;
}

// Directories above `path`, made as the umask allows them not to be: systemd must be able to read them.
void make_parents(const std::string& path) {
    for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        auto directory = path.substr(0, slash);
        if (::mkdir(directory.c_str(), 0755) == 0) ::chmod(directory.c_str(), 0755);
    }
}

} // namespace

env::BlockingPool& SdBusSystemd::pool() {
    if (!pool_) pool_ = std::make_unique<env::BlockingPool>(context_, lot_, kThreads);
    return *pool_;
}

bool SdBusSystemd::is_our_caller() {
    return is_called_by(callers_);
}

result<void> SdBusSystemd::install(const UnitFile& file) {
    make_parents(file.path);
    auto slash = file.path.rfind('/');
    auto temporary = file.path.substr(0, slash + 1) + ".tmp." + std::to_string(::getpid()) + "." +
                     file.path.substr(slash + 1) + ".tmp";
    auto written = write_unit(file, temporary);
    if (written) return {};
    return refusal("unit.write", "cannot write the unit " + file.path + ": " + written.error().text);
}

result<void> SdBusSystemd::uninstall(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return refusal("unit.write", "cannot remove the unit " + path + ": " + errno_failure(errno, "unlink").text);
}

env::task<result<void>> SdBusSystemd::reload() {
    auto work = []() -> result<void> {
        MARS_TRY(auto bus, open_bus());
        auto reply = call(bus.get(), "reload of all units", "Reload", "");
        if (!reply) return reply.error();
        return {};
    };
    co_return co_await pool().run(work);
}

env::task<result<UnitState>> SdBusSystemd::state(std::string unit) {
    auto work = [unit]() -> result<UnitState> {
        MARS_TRY(auto bus, open_bus());
        return ask_state(bus.get(), unit);
    };
    co_return co_await pool().run(std::move(work));
}

env::task<result<UnitNeeds>> SdBusSystemd::needs(std::string unit) {
    auto work = [unit]() -> result<UnitNeeds> {
        MARS_TRY(auto bus, open_bus());
        return ask_needs(bus.get(), unit);
    };
    co_return co_await pool().run(std::move(work));
}

env::task<HostFacts> SdBusSystemd::look_at(HostQuestions questions) {
    auto work = [questions = std::move(questions)] { return host_facts(questions); };
    co_return co_await pool().run(std::move(work));
}

env::task<result<void>> SdBusSystemd::run_job(JobKind kind, std::string unit, Duration limit,
                                              std::function<bool()> should_go_on) {
    auto job = std::make_shared<Job>(kind, unit);
    auto begin = [job] { return job->begin(); };
    MARS_CO_TRY_VOID(co_await pool().run(std::move(begin)));
    const auto end = std::chrono::steady_clock::now() + limit;
    while (true) {
        auto slice = [job] { return job->wait(kSlice); };
        MARS_CO_TRY(bool is_done, co_await pool().run(std::move(slice)));
        if (is_done) co_return result<void>();
        if (should_go_on && !should_go_on())
            co_return failure(std::errc::operation_canceled,
                              "unit " + unit + ": " + std::string(job_name(kind)) + " is not waited for any more");
        if (std::chrono::steady_clock::now() > end) co_return job->late();
    }
}

env::task<result<void>> SdBusSystemd::enable(std::string unit) {
    auto work = [unit] { return call_with_list(unit, "EnableUnitFiles", true); };
    co_return co_await pool().run(std::move(work));
}

env::task<result<void>> SdBusSystemd::disable(std::string unit) {
    auto work = [unit] { return call_with_list(unit, "DisableUnitFiles", false); };
    co_return co_await pool().run(std::move(work));
}

env::task<result<void>> SdBusSystemd::reset_failed(std::string unit) {
    auto work = [unit]() -> result<void> {
        MARS_TRY(auto bus, open_bus());
        auto reply = call(bus.get(), "unit " + unit, "ResetFailedUnit", "s", unit.c_str());
        if (!reply) return reply.error();
        return {};
    };
    co_return co_await pool().run(std::move(work));
}

env::task<result<int>> SdBusSystemd::run_script(std::string path, std::string operation, Duration limit) {
    if (!may_use("generated script", path)) co_return refusal("unit.job", "the script " + path + " is not run");
    Command command;
    command.argv = {std::move(path), std::move(operation)};
    command.limit = limit;
    MARS_CO_TRY(auto ran, co_await run_process(context_.get_executor(), std::move(command)));
    co_return ran.status;
}

env::task<std::vector<std::string>> SdBusSystemd::users_of(std::string device) {
    auto work = [device] { return device_users(device); };
    co_return co_await pool().run(std::move(work));
}

} // namespace mars::shell::systemd
