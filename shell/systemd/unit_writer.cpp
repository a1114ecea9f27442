// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/unit_writer.hpp"

#include <algorithm>
#include <optional>

#include "shell/command/wait.hpp"
#include "shell/systemd/unit_names.hpp"

namespace mars::shell::systemd {

namespace {

constexpr std::size_t kMostUnitBytes = std::size_t{1} << 21;
constexpr Duration kStartPatience = std::chrono::seconds(3);
constexpr unsigned kUnitMode = 0444;
constexpr unsigned kScriptMode = 0544;

std::string name_of(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

bool is_script(const std::string& name) {
    return unit_kind(name) == "script";
}

// How a unit is spoken of in jobs: scripts by their path.
std::string handle_of(const std::string& path) {
    return is_script(path) ? path : name_of(path);
}

void plan_obsolete(WritePlan& plan, const std::string& path, const std::string& content) {
    if (!has_marker(content, "KEEP_RUNNING")) plan.stop.push_back(handle_of(path));
    plan.disable.push_back(handle_of(path));
    plan.remove.push_back(path);
    plan.reload = plan.reload || !is_script(path);
}

void plan_new(WritePlan& plan, const Unit& unit) {
    const auto handle = handle_of(unit.path);
    if (has_marker(unit.content, "ALWAYS_DISABLED")) {
        plan.disable.push_back(handle);
        return;
    }
    plan.reload = plan.reload || !unit.is_script;
    plan.enable.push_back(handle);
    if (has_marker(unit.content, "ALWAYS_START")) plan.start.push_back(handle);
}

std::string_view install_section(std::string_view content) {
    constexpr std::string_view kHead = "\n[Install]\n";
    const auto begin = content.find(kHead);
    if (begin == std::string_view::npos) return {};
    content.remove_prefix(begin + kHead.size());
    return content.substr(0, content.find("\n["));
}

void plan_changed(WritePlan& plan, const Unit& unit, const std::string& before) {
    if (has_marker(unit.content, "ALWAYS_DISABLED"))
        plan.disable.push_back(handle_of(unit.path));
    else if (!unit.is_script && install_section(unit.content) != install_section(before))
        plan.renew.push_back(handle_of(unit.path));
    plan.reload = plan.reload || !unit.is_script;
}

} // namespace

WritePlan plan_writing(const Generation& generation, const PresentUnits& present) {
    WritePlan plan;
    for (const auto& unit : generation.units) {
        auto there = present.find(unit.path);
        if (there != present.end() && !is_generated(there->second)) {
            plan.refused.push_back(unit.path);
            continue;
        }
        if (there != present.end() && there->second == unit.content) continue;
        plan.write.push_back({unit.path, unit.content, unit.is_script ? kScriptMode : kUnitMode, unit.mtime});
        if (there == present.end())
            plan_new(plan, unit);
        else
            plan_changed(plan, unit, there->second);
    }
    if (!generation.is_complete) return plan;
    for (const auto& [path, content] : present) {
        auto is_wanted = [&path = path](const Unit& unit) { return unit.path == path; };
        if (!is_generated(content) || std::any_of(generation.units.begin(), generation.units.end(), is_wanted))
            continue;
        plan_obsolete(plan, path, content);
    }
    return plan;
}

void keep_made_from(const std::vector<std::string>& templates, const PresentUnits& present, Generation& generation) {
    for (const auto& [path, content] : present) {
        auto is_source = [&content = content](const std::string& source) {
            return content.find(std::string(kGeneratedFrom) + " " + source + "\n") != std::string::npos;
        };
        if (std::none_of(templates.begin(), templates.end(), is_source)) continue;
        std::erase_if(generation.units, [&path = path](const Unit& unit) { return unit.path == path; });
        generation.is_complete = false;
    }
}

PresentUnits present_units(const env::Storage& storage, const Settings& settings) {
    PresentUnits present;
    for (const auto& directory : {settings.target, settings.scripts()}) {
        auto entries = storage.list(directory);
        if (!entries) continue;
        for (const auto& entry : *entries) {
            if (entry.kind != env::FileKind::regular || entry.name.starts_with('.')) continue;
            if (!settings.is_kind(unit_kind(entry.name))) continue;
            auto path = directory + "/" + entry.name;
            auto content = storage.read_file(path, kMostUnitBytes);
            present[path] = content ? *content : std::string(); // unreadable: not ours
        }
    }
    return present;
}

bool is_installed(const env::Storage& storage, const Settings& settings, const std::string& name) {
    for (const auto& candidate : {name, template_of_instance(name)}) {
        if (candidate.empty()) continue;
        for (const auto& directory : settings.system) {
            auto path = directory + "/" + candidate;
            if (!storage.status(path)) continue;
            auto content = storage.read_file(path, kMostUnitBytes);
            if (!content || !is_generated(*content)) return true;
        }
    }
    return false;
}

namespace {

class Execution {
  public:
    Execution(Systemd& systemd, Output& output, Duration limit) : systemd_(systemd), output_(output), limit_(limit) {}

    env::task<void> jobs(const std::vector<std::string>& units, JobKind kind);
    env::task<void> job(std::string unit, JobKind kind);
    env::task<void> switches(const std::vector<std::string>& units, bool on);
    env::task<void> keep_enabled(std::vector<std::string>& units);
    env::task<void> script(std::string path, std::string operation);
    void files(const WritePlan& plan);
    void note(const result<void>& done) {
        if (done) return;
        output_.warning(done.error().text);
        if (!first_) first_ = done.error();
    }
    env::task<void> reload() {
        auto done = co_await systemd_.reload();
        note(done);
    }
    result<void> verdict() const { return first_ ? result<void>(*first_) : result<void>(); }

  private:
    Systemd& systemd_;
    Output& output_;
    Duration limit_;
    std::optional<failure> first_;
};

env::task<void> Execution::script(std::string path, std::string operation) {
    auto status = co_await systemd_.run_script(path, operation, limit_);
    if (!status)
        note(status.error());
    else if (*status != 0)
        output_.warning(path + " " + operation + " ended with exit status " + std::to_string(*status));
}

env::task<void> Execution::job(std::string unit, JobKind kind) {
    auto state = co_await systemd_.state(unit);
    if (!state) {
        note(state.error());
        co_return;
    }
    if (!state->is_loaded() || (kind == JobKind::stop && state->is_down())) co_return;
    if (kind == JobKind::start && !state->is_startable()) {
        output_.warning("unit " + unit + " is " + state->file + ", it is not started");
        co_return;
    }
    if (state->active == "failed") (void)co_await systemd_.reset_failed(unit);
    // A start may have to wait for the unit that has called us, so it is not waited for to the end.
    const auto limit = kind == JobKind::start ? std::min(limit_, kStartPatience) : limit_;
    auto done = co_await systemd_.run_job(kind, unit, limit, [] { return true; });
    if (kind == JobKind::start && !done && done.error().is(std::errc::timed_out)) co_return;
    if (!done && done.error().is(std::errc::timed_out))
        note(failure(done.error().code, "waited for " + seconds_text(limit) + ": " + done.error().text));
    else
        note(done);
}

env::task<void> Execution::jobs(const std::vector<std::string>& units, JobKind kind) {
    for (const auto& unit : units) {
        if (is_script(unit))
            co_await script(unit, std::string(job_name(kind)));
        else
            co_await job(unit, kind);
    }
}

env::task<void> Execution::switches(const std::vector<std::string>& units, bool on) {
    for (const auto& unit : units) {
        if (is_script(unit)) {
            co_await script(unit, on ? "enable" : "disable");
            continue;
        }
        if (on) {
            const auto state = co_await systemd_.state(unit);
            if (state && state->file.starts_with("masked")) { // somebody's wish, not our failure
                output_.warning("unit " + unit + " is " + state->file + ", it is not enabled");
                continue;
            }
            auto done = co_await systemd_.enable(unit);
            note(done);
        } else {
            auto done = co_await systemd_.disable(unit);
            note(done);
        }
    }
}

// Only those that nobody has switched off.
env::task<void> Execution::keep_enabled(std::vector<std::string>& units) {
    std::vector<std::string> enabled;
    for (const auto& unit : units) {
        const auto state = co_await systemd_.state(unit);
        if (state && state->file.starts_with("enabled")) enabled.push_back(unit);
    }
    units = std::move(enabled);
}

void Execution::files(const WritePlan& plan) {
    for (const auto& path : plan.remove) note(systemd_.uninstall(path));
    for (const auto& file : plan.write) note(systemd_.install(file));
    for (const auto& path : plan.refused)
        output_.warning(path + " is not ours (no line '" + std::string(kGeneratedFrom) +
                        "'), it is left alone; remove it, or rename the template");
}

} // namespace

env::task<result<void>> execute(Systemd& systemd, Output& output, WritePlan plan, Duration limit) {
    for (auto* list : {&plan.stop, &plan.disable, &plan.enable, &plan.start}) std::sort(list->begin(), list->end());
    Execution execution(systemd, output, limit);
    co_await execution.keep_enabled(plan.renew);
    co_await execution.jobs(plan.stop, JobKind::stop);
    co_await execution.switches(plan.disable, false);
    co_await execution.switches(plan.renew, false);
    execution.files(plan);
    co_await execution.switches(plan.renew, true);
    co_await execution.switches(plan.enable, true);
    if (plan.reload) co_await execution.reload(); // what others shall pull in is known only then
    co_await execution.jobs(plan.start, JobKind::start);
    co_return execution.verdict();
}

std::size_t remove_leftovers(env::Storage& storage, const Settings& settings, Stamp now, Duration age) {
    std::size_t count = 0;
    for (const auto& directory : {settings.target, settings.scripts()}) {
        auto entries = storage.list(directory);
        if (!entries) continue;
        for (const auto& entry : *entries) {
            const auto& name = entry.name;
            if (!name.ends_with(".tmp") || !(name.starts_with(".tmp.") || name.starts_with(".pre."))) continue;
            auto status = storage.status(directory + "/" + name);
            if (status && now - status->mtime > age && storage.remove(directory + "/" + name)) ++count;
        }
    }
    return count;
}

} // namespace mars::shell::systemd
