// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/fuse_loop.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "kernel/base/names.hpp"
#include "kernel/env/real/fd.hpp"
#include "kernel/env/shield.hpp"
#include "kernel/export/real/fuse_session.hpp"
#include "kernel/export/real/leftovers.hpp"
#include "kernel/export/real/opener_watch.hpp"

namespace mars::exports {

using env::task;

namespace {

class FuseLoopExport final : public Export {
  public:
    FuseLoopExport(env::RealEnv& env, const ExportPaths& paths, std::string name, std::unique_ptr<FuseSession> session,
                   const LoopId& loop, env::UniqueFd held)
        : env_(env), paths_(paths), name_(std::move(name)), node_(paths_.node(name_)),
          held_(std::make_shared<env::UniqueFd>(std::move(held))), session_(std::move(session)), loop_(loop),
          changed_(env.lot()), watch_(env, changed_, loop.device(), {node_, loop.text()}) {}

    int open_count() const override { return is_gone_ ? 0 : watch_.openers().count(); }
    env::Event& changed() override { return changed_; }
    std::string state() const override;
    task<result<bool>> try_close() override { return env::shielded(try_close_steps()); }
    task<result<void>> close() override { return close_when_unused(env_, *this); }
    task<void> abort() override;
    task<result<std::string>> look_after() override { return env::shielded(look_after_steps()); }
    task<result<void>> grow() override;

  private:
    task<result<std::string>> look_after_steps();
    task<result<bool>> try_close_steps();
    task<void> tidy(bool wait);

    env::RealEnv& env_;
    const ExportPaths paths_;
    const std::string name_;
    const std::string node_;
    std::shared_ptr<env::UniqueFd> held_; // closed on the pool, or after the session, which must answer meanwhile
    std::unique_ptr<FuseSession> session_;
    const LoopId loop_;
    env::Event changed_;
    OpenerWatch watch_;
    bool is_gone_ = false;
    bool has_unseen_opener_ = false;
};

std::string FuseLoopExport::state() const {
    if (is_gone_) return node_ + " is closed";
    auto text = node_ + " is " + loop_.text();
    if (!session_->is_serving()) text += ", but its FUSE connection was ended from outside: it gives I/O errors";
    if (watch_.openers().count() > 0)
        text += ", in use: " + watch_.openers().who;
    else if (has_unseen_opener_)
        text += ", in use by something that cannot be seen from here";
    return text;
}

// What to do when the device is gone or given up.
task<void> FuseLoopExport::tidy(bool wait) {
    is_gone_ = true;
    co_await watch_.stop();
    co_await session_->unmount(wait);
    auto work = [paths = paths_, name = name_] {
        auto removed = remove_loop_node(paths.node(name));
        (void)::unlink(paths.record(name).c_str());    // both are only hints for the next start,
        (void)::rmdir(paths.mountpoint(name).c_str()); // which copes with them
        return removed;
    };
    auto removed = co_await env_.pool().run(std::move(work));
    if (!removed) env_.log().warning(name_ + " device: " + removed.error().text);
    changed_.notify();
}

task<result<bool>> FuseLoopExport::try_close_steps() {
    if (is_gone_) co_return true;
    auto seen = co_await watch_.look();
    if (seen.count() > 0) co_return false;
    auto work = [loop = loop_, node = paths_.hidden_node(name_), serving = session_->is_serving(), held = held_] {
        if (!serving) *held = env::UniqueFd();
        auto state = serving ? try_detach_loop(loop, node, *held) : abandon_loop(loop, node);
        if (state && *state == LoopState::gone) return state;
        if (auto again = hold_loop(loop, node); again && serving) *held = std::move(*again);
        return state;
    };
    MARS_CO_TRY(auto state, co_await env_.pool().run(std::move(work)));
    if (state == LoopState::busy) {
        has_unseen_opener_ = true;
        (void)co_await watch_.look(); // he may just have come
        co_return false;
    }
    co_await tidy(true);
    co_return true;
}

// The connection ends first, so that nothing waits for an answer of the Device any more.
task<void> FuseLoopExport::abort() {
    if (is_gone_) co_return;
    co_await session_->unmount(false);
    auto work = [loop = loop_, node = paths_.hidden_node(name_), held = held_] {
        *held = env::UniqueFd();
        return abandon_loop(loop, node);
    };
    auto state = co_await env_.pool().run(std::move(work));
    if (!state) env_.log().warning(name_ + " device: " + state.error().text);
    co_await tidy(false);
}

task<result<std::string>> FuseLoopExport::look_after_steps() {
    if (is_gone_) co_return std::string();
    if (!session_->is_serving()) {
        const auto seen = co_await watch_.look();
        if (seen.count() == 0) co_return failure(std::errc::not_connected, state());
        co_return failure(std::errc::device_or_resource_busy, state() + "; next: close it, then it is made anew");
    }
    auto work = [loop = loop_, node = node_, held = held_]() -> result<std::string> {
        MARS_TRY(bool was_detached, keep_attached(held->get(), loop));
        MARS_TRY(bool was_lost, keep_loop_node(node, loop));
        std::string done;
        if (was_detached) done = "somebody has detached " + loop.text() + " (losetup -d): it has been attached again";
        if (was_lost)
            done += (done.empty() ? "" : "; ") + node + " had been removed or replaced: it has been made again";
        return done;
    };
    co_return co_await env_.pool().run(std::move(work));
}

task<result<void>> FuseLoopExport::grow() {
    MARS_CO_TRY_VOID(session_->forget_size());
    auto work = [loop = loop_, node = paths_.hidden_node(name_), file = session_->file()] {
        return grow_loop(loop, node, file);
    };
    co_return co_await env_.pool().run(std::move(work));
}

result<void> make_directory(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
    return errno_failure(errno, "cannot create directory " + path);
}

// Directories, and nothing of an earlier life. Result: a note for the log.
result<std::string> prepare(const ExportPaths& paths, const std::string& name) {
    MARS_TRY_VOID(make_directory(paths.run, 0700));
    MARS_TRY_VOID(make_directory(paths.devices, 0755));
    MARS_TRY(auto note, clean_leftovers(paths, name));
    MARS_TRY_VOID(make_directory(paths.mountpoint(name), 0700));
    return note;
}

// The loop device of `file`, under its real name only when it is complete.
result<LoopId> attach(const ExportPaths& paths, const std::string& name, const std::string& file) {
    auto hidden = paths.hidden_node(name);
    auto claimed = [&](const LoopId& loop) { return write_record(paths, name, loop); };
    MARS_TRY(auto loop, attach_loop(file, hidden, claimed));
    auto shown = make_loop_node(paths.node(name), loop.number);
    if (!shown) (void)abandon_loop(loop, hidden); // the failure above is what matters
    if (!shown) return shown.error();
    return loop;
}

} // namespace

std::string FuseLoopProvider::why_unavailable() const {
    for (const char* path : {"/dev/fuse", "/dev/loop-control"}) {
        env::UniqueFd fd(::open(path, O_RDWR | O_CLOEXEC));
        if (!fd) return errno_failure(errno, "cannot open " + std::string(path)).text;
    }
    return {};
}

task<result<std::unique_ptr<Export>>> FuseLoopProvider::create(std::string name, block::Device& device) {
    return env::shielded(create_steps(std::move(name), device));
}

task<result<std::unique_ptr<Export>>> FuseLoopProvider::create_steps(std::string name, block::Device& device) {
    if (!is_identifier(name)) co_return failure(std::errc::invalid_argument, "'" + name + "' is no resource name");
    if (device.size() == 0 || device.size() % 512 != 0)
        co_return failure(std::errc::invalid_argument,
                          name + ": a device of " + std::to_string(device.size()) + " bytes cannot be shown");
    auto preparing = [paths = paths_, name] { return prepare(paths, name); };
    MARS_CO_TRY(auto note, co_await env_.pool().run(std::move(preparing)));
    if (!note.empty()) env_.log().warning(name + " device: " + note);
    MARS_CO_TRY(auto session, co_await FuseSession::mount(env_, device, name, paths_.mountpoint(name)));
    auto attaching = [paths = paths_, name, file = session->file()] { return attach(paths, name, file); };
    auto loop = co_await env_.pool().run(std::move(attaching));
    if (!loop) {
        co_await session->unmount(false);
        co_return loop.error().with("device " + name);
    }
    auto holding = [hidden = paths_.hidden_node(name), id = *loop] { return hold_loop(id, hidden); };
    auto held = co_await env_.pool().run(std::move(holding));
    if (!held) {
        co_await session->unmount(false);
        co_return held.error().with("device " + name);
    }
    std::unique_ptr<Export> made =
        std::make_unique<FuseLoopExport>(env_, paths_, name, std::move(session), *loop, std::move(*held));
    co_return std::move(made);
}

} // namespace mars::exports
