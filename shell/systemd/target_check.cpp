// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/target_check.hpp"

#include <algorithm>
#include <map>

#include "shell/command/wait.hpp"
#include "shell/systemd/activation.hpp"
#include "shell/systemd/phases.hpp"
#include "shell/systemd/regeneration.hpp"
#include "shell/systemd/unit_names.hpp"

namespace mars::shell::systemd {

namespace {

constexpr std::size_t kMostInStack = 200;
constexpr std::size_t kMostFileBytes = std::size_t{1} << 21;
constexpr std::size_t kMostTold = 5;

// Where systemd looks for programs that are given without a path.
const std::vector<std::string>& usual_directories() {
    static const std::vector<std::string> directories{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                                      "/usr/bin",        "/sbin",          "/bin"};
    return directories;
}

bool is_below(const std::string& path, const std::string& directory) {
    return path == directory || path.starts_with(directory.ends_with('/') ? directory : directory + "/");
}

std::string found_text(PathKind kind) {
    switch (kind) {
    case PathKind::missing:
        return "nothing";
    case PathKind::blocked:
        return "that something above it is no directory";
    case PathKind::linked:
        return "a symbolic link in it";
    case PathKind::directory:
    case PathKind::used_directory:
        return "a directory";
    case PathKind::mounted:
        return "that something else is mounted there";
    case PathKind::program:
        return "a program";
    case PathKind::no_interpreter:
        return "a script whose interpreter (its first line) is not there";
    case PathKind::file:
        return "a file that is none";
    }
    return {};
}

class TargetCheck {
  public:
    explicit TargetCheck(VerbContext& ctx) : ctx_(ctx), systemd_(*ctx.surroundings().systemd) {}

    env::task<result<void>> go();

  private:
    void generate();
    result<void> check_written(const std::string& unit);
    env::task<result<void>> gather();
    void ask(const UnitNeeds& needs);
    void judge(const std::string& unit, const UnitNeeds& needs);
    void judge_load(const std::string& unit, const UnitNeeds& needs);
    void judge_programs(const std::string& unit, const UnitNeeds& needs);
    void judge_mount(const std::string& unit, const UnitNeeds& needs);
    std::string why_missing(const std::string& unit) const;
    std::vector<std::string> candidates(const std::string& program, const UnitNeeds& needs) const;
    bool appears_later(const std::string& path) const;
    // Others belong to the host: whether they are there is all that matters, they may run already.
    bool is_ours(const std::string& unit) const {
        return unit == start_unit(ctx_) || unit == stop_unit(ctx_) || generation_.find(unit);
    }
    void complain(const std::string& unit, const std::string& what) {
        problems_.push_back("unit " + unit + ": " + what);
    }
    void warn(const std::string& unit, const std::string& what) {
        ctx_.out().warning(ctx_.label("unit " + unit + " on host " + ctx_.me() + ": " + what));
    }
    result<void> verdict();

    VerbContext& ctx_;
    Systemd& systemd_;
    Generation generation_;
    std::vector<std::string> order_;         // the units of the resource: the wanted ones first
    std::map<std::string, UnitNeeds> needs_; // of each
    std::vector<std::string> mounts_;        // what comes with these mounts cannot be looked for yet
    HostQuestions questions_;
    HostFacts facts_;
    std::vector<std::string> problems_;
};

void TargetCheck::generate() {
    with_generator(ctx_, [&](const GeneratorInput& input) { generation_ = generate_units(input); });
}

// What systemd has read shall be what templates and tree say now.
result<void> TargetCheck::check_written(const std::string& unit) {
    const auto& settings = systemd_.settings();
    const auto* made = generation_.find(unit);
    const auto path = made ? made->path : settings.target + "/" + unit;
    const auto there = ctx_.env().storage().read_file(path, kMostFileBytes);
    const bool is_generated_one = there && is_generated(*there);
    if (!made) {
        // A template cannot be expanded, so what an earlier call has made was left alone.
        if (is_generated_one && !generation_.is_complete) complain(unit, "cannot be made anew" + why_missing(unit));
        return {};
    }
    if (there && (*there == made->content || !is_generated_one)) return {};
    return refusal("unit.write", "unit " + unit + " on host " + ctx_.me() + ": " + path + " is " +
                                     (there ? "old" : "not there") + ", expected what " + made->template_path +
                                     " gives; nothing was changed; next: make room there (df " + settings.target +
                                     "), then marsadm systemd-trigger, then the command again");
}

// All units of the resource's stack, and those of others that it requires, and what systemd knows of each.
env::task<result<void>> TargetCheck::gather() {
    for (auto& unit : {start_unit(ctx_), stop_unit(ctx_)})
        if (!unit.empty() && std::find(order_.begin(), order_.end(), unit) == order_.end()) order_.push_back(unit);
    for (std::size_t i = 0; i < order_.size(); ++i) {
        const std::string unit = order_[i];
        MARS_CO_TRY(auto needs, co_await systemd_.needs(unit));
        if (is_ours(unit))
            for (const auto& other : needs.units)
                if (!is_predefined(other) && unit_kind(other) != "device" && order_.size() < kMostInStack &&
                    std::find(order_.begin(), order_.end(), other) == order_.end())
                    order_.push_back(other);
        if (!needs.mount_point.empty()) mounts_.push_back(needs.mount_point);
        needs_.emplace(unit, std::move(needs));
    }
    co_return result<void>();
}

bool TargetCheck::appears_later(const std::string& path) const {
    return std::any_of(mounts_.begin(), mounts_.end(), [&](const auto& mount) { return is_below(path, mount); });
}

std::vector<std::string> TargetCheck::candidates(const std::string& program, const UnitNeeds& needs) const {
    if (program.starts_with('/')) return {program};
    std::vector<std::string> paths;
    for (const auto& directory : needs.search_path.empty() ? usual_directories() : needs.search_path)
        paths.push_back(directory + "/" + program);
    return paths;
}

void TargetCheck::ask(const UnitNeeds& needs) {
    if (!needs.user.empty()) questions_.users.push_back(needs.user);
    if (!needs.group.empty()) questions_.groups.push_back(needs.group);
    if (!needs.filesystem.empty() && needs.filesystem != "auto") questions_.filesystems.push_back(needs.filesystem);
    if (!needs.mount_point.empty()) questions_.places.push_back(needs.mount_point);
    if (needs.has_own_root) return;
    for (const auto& program : needs.programs)
        for (auto& path : candidates(program, needs)) questions_.programs.push_back(std::move(path));
    for (const auto& file : needs.files) questions_.programs.push_back(file);
    if (needs.directory.starts_with('/')) questions_.places.push_back(needs.directory);
}

// Which template should have given it.
std::string TargetCheck::why_missing(const std::string& unit) const {
    std::string text;
    for (const auto& finding : generation_.findings)
        if (finding.is_error || finding.text.find("'" + unit + "'") != std::string::npos)
            text += (text.empty() ? ": " : "; ") + finding.place + ": " + finding.text;
    return text;
}

void TargetCheck::judge_load(const std::string& unit, const UnitNeeds& needs) {
    const auto* made = generation_.find(unit);
    if (needs.load == "not-found" && made && ctx_.is_dry_run())
        ctx_.out().info(ctx_.label("would generate " + made->path));
    else if (needs.load == "not-found")
        complain(unit, "does not exist" + (made ? std::string() : why_missing(unit)));
    else if (!needs.is_loaded())
        complain(unit,
                 "is " + needs.load + ", expected loaded" + (needs.load_error.empty() ? "" : ": " + needs.load_error));
    else if (needs.file.starts_with("masked") || (unit == start_unit(ctx_) && needs.file == "disabled"))
        complain(unit, "is " + needs.file + ", so it would not be started");
}

void TargetCheck::judge_programs(const std::string& unit, const UnitNeeds& needs) {
    for (const auto& program : needs.programs) {
        const auto paths = candidates(program, needs);
        const bool is_there = std::any_of(paths.begin(), paths.end(), [&](const auto& path) {
            return appears_later(path) || facts_.programs[path] == PathKind::program;
        });
        if (is_there) continue;
        complain(unit,
                 "expected a program at " + program + ", found " +
                     (paths.size() > 1 ? "none in the directories of programs" : found_text(facts_.programs[program])));
    }
    for (const auto& file : needs.files) {
        const bool is_pattern = file.find_first_of("*?[") != std::string::npos;
        const auto kind = facts_.programs[file];
        if (!is_pattern && !appears_later(file) && (kind == PathKind::missing || kind == PathKind::blocked))
            complain(unit, "expected its EnvironmentFile= " + file + ", found " + found_text(kind));
    }
    if (!needs.directory.starts_with('/') || appears_later(needs.directory)) return;
    const auto kind = facts_.places[needs.directory];
    if (kind == PathKind::missing || kind == PathKind::blocked || kind == PathKind::file)
        complain(unit, "expected its WorkingDirectory= " + needs.directory + ", found " + found_text(kind));
}

// systemd makes a mount point that is missing; what is hidden by a mount is not lost.
void TargetCheck::judge_mount(const std::string& unit, const UnitNeeds& needs) {
    const auto& place = needs.mount_point;
    const bool is_inner = std::any_of(mounts_.begin(), mounts_.end(),
                                      [&](const auto& other) { return other != place && is_below(place, other); });
    if (is_inner) return;
    const auto kind = facts_.places[place];
    if (kind == PathKind::used_directory)
        warn(unit, "its mount point " + place + " is not empty; what is in there will be hidden");
    else if (kind != PathKind::missing && kind != PathKind::directory)
        complain(unit,
                 "expected an empty directory, or nothing, as mount point " + place + ", found " + found_text(kind));
    if (facts_.unknown_filesystems.contains(needs.filesystem))
        warn(unit, "neither the kernel nor a program mount." + needs.filesystem +
                       " is known to mount a filesystem of the type " + needs.filesystem);
}

void TargetCheck::judge(const std::string& unit, const UnitNeeds& needs) {
    judge_load(unit, needs);
    if (!needs.is_loaded() || !is_ours(unit)) return;
    if (!needs.mount_point.empty()) judge_mount(unit, needs);
    if (needs.has_own_root) return;
    judge_programs(unit, needs);
    if (facts_.unknown_users.contains(needs.user)) complain(unit, "expected a user " + needs.user + ", found none");
    if (facts_.unknown_groups.contains(needs.group)) complain(unit, "expected a group " + needs.group + ", found none");
}

result<void> TargetCheck::verdict() {
    if (problems_.empty()) return {};
    std::string text = "host " + ctx_.me() + " is not ready to run the application: ";
    for (std::size_t i = 0; i < problems_.size() && i < kMostTold; ++i) text += (i == 0 ? "" : "; ") + problems_[i];
    if (problems_.size() > kMostTold) text += "; and " + std::to_string(problems_.size() - kMostTold) + " more";
    return ctx_.overridable("unit.target",
                            text + "; nothing was changed; next, on " + ctx_.me() +
                                ": install what is missing (units: marsadm templates list, marsadm templates check), "
                                "then marsadm " +
                                ctx_.request().spelling + " " + ctx_.resource() +
                                ", or, without this check: --systemd-enable=0 (mars-" + escape_path(ctx_.resource()) +
                                "-trigger.path starts the units then)");
}

env::task<result<void>> TargetCheck::go() {
    if (!ctx_.is_dry_run()) {
        // What concerns other resources is no reason to refuse; what concerns this one, the looks below find out.
        auto made = co_await regenerate(ctx_);
        if (!made) ctx_.out().warning(ctx_.label("units of systemd: " + made.error().text));
    }
    generate();
    MARS_CO_TRY_VOID(co_await gather());
    if (!ctx_.is_dry_run())
        for (const auto& unit : order_) MARS_CO_TRY_VOID(check_written(unit));
    for (const auto& unit : order_)
        if (is_ours(unit)) ask(needs_[unit]);
    auto questions = questions_;
    facts_ = co_await systemd_.look_at(std::move(questions));
    for (const auto& unit : order_) judge(unit, needs_[unit]);
    co_return verdict();
}

// marsd refuses to replace what is there.
result<void> check_device_place(const VerbContext& ctx) {
    if (ctx.me() != ctx.self() || has_device(ctx)) return {};
    const auto path = "/dev/mars/" + ctx.view().value(ctx.key("device-" + ctx.me()), ctx.resource());
    const auto there = ctx.env().storage().status(path);
    if (!there || (there->kind != env::FileKind::regular && there->kind != env::FileKind::directory)) return {};
    return refusal("device.blocked", "the device cannot appear on host " + ctx.me() + ": at " + path +
                                         " expected nothing, found a " +
                                         (there->kind == env::FileKind::regular ? "file" : "directory") +
                                         "; nothing was changed; next: remove it there, then marsadm " +
                                         ctx.request().spelling + " " + ctx.resource());
}

} // namespace

env::task<result<void>> check_target(VerbContext& ctx) {
    MARS_CO_TRY_VOID(check_device_place(ctx));
    if (!has_application(ctx) || start_unit(ctx).empty() || !is_asked_for(ctx)) co_return result<void>();
    if (const auto directory = missing_directory(ctx); !directory.empty())
        co_return ctx.overridable("unit.target", "host " + ctx.me() + " cannot run the application (" +
                                                     start_unit(ctx) + "): expected a directory " + directory +
                                                     ", found none, so no units are made there; nothing was changed; "
                                                     "next: install the templates there (docs/systemd.md), or start "
                                                     "the application by other means, with --systemd-enable=0");
    TargetCheck check(ctx);
    co_return co_await check.go();
}

} // namespace mars::shell::systemd
