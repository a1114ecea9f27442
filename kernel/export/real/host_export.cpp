// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/host_export.hpp"

#include <sys/stat.h>

#include <cerrno>

#include "kernel/base/names.hpp"
#include "kernel/env/shield.hpp"
#include "kernel/env/task_group.hpp"
#include "kernel/export/real/fuse_loop.hpp"
#include "kernel/export/real/leftovers.hpp"
#include "kernel/export/real/nbd_server.hpp"

namespace mars::exports {

using env::task;

namespace {

ExportPaths paths_below(std::string run_directory) {
    ExportPaths paths;
    paths.run = std::move(run_directory);
    return paths;
}

class HostExport final : public Export {
  public:
    // device: null where none is possible.
    HostExport(env::RealEnv& env, std::unique_ptr<Export> device, std::unique_ptr<NbdServer> nbd)
        : env_(env), device_(std::move(device)), nbd_(std::move(nbd)), changed_(env.lot()), forwarding_(env) {
        if (device_) forwarding_.spawn("device changes", forward(device_->changed()));
        forwarding_.spawn("nbd changes", forward(nbd_->changed()));
    }

    int open_count() const override { return (device_ ? device_->open_count() : 0) + nbd_->clients(); }
    env::Event& changed() override { return changed_; }
    std::string state() const override;
    task<result<bool>> try_close() override { return env::shielded(try_close_steps()); }
    task<result<void>> close() override { return close_when_unused(env_, *this); }
    task<void> abort() override;
    task<result<std::string>> look_after() override;
    task<result<void>> grow() override;

  private:
    task<void> forward(env::Event& from);
    task<result<bool>> try_close_steps();
    task<void> end(bool now);

    env::RealEnv& env_;
    std::unique_ptr<Export> device_;
    std::unique_ptr<NbdServer> nbd_;
    env::Event changed_;
    env::TaskGroup forwarding_;
    bool is_gone_ = false;
};

std::string HostExport::state() const {
    auto text = device_ ? device_->state() : std::string("no block device");
    if (is_gone_) return text;
    text += "; NBD on " + nbd_->path();
    if (nbd_->clients() > 0) text += " (" + std::to_string(nbd_->clients()) + " clients)";
    return text;
}

task<void> HostExport::forward(env::Event& from) {
    while (true) {
        co_await from.wait();
        changed_.notify();
    }
}

// Both or none: NBD clients are kept out until the device has gone.
task<result<bool>> HostExport::try_close_steps() {
    if (is_gone_) co_return true;
    if (nbd_->clients() > 0) co_return false;
    nbd_->refuse(true);
    result<bool> closed = true;
    if (device_) closed = co_await device_->try_close();
    if (closed && *closed)
        co_await end(false);
    else
        nbd_->refuse(false);
    co_return closed;
}

task<void> HostExport::end(bool now) {
    is_gone_ = true;
    co_await nbd_->stop(now);
    co_await forwarding_.stop();
    changed_.notify();
}

task<void> HostExport::abort() {
    if (is_gone_) co_return;
    nbd_->refuse(true);
    if (device_) co_await device_->abort();
    co_await end(true);
}

task<result<std::string>> HostExport::look_after() {
    if (!device_ || is_gone_) co_return std::string();
    co_return co_await device_->look_after();
}

task<result<void>> HostExport::grow() {
    if (!device_) co_return result<void>(); // NBD clients learn the size when they connect
    co_return co_await device_->grow();
}

} // namespace

HostProvider::HostProvider(env::RealEnv& env, ExportPaths paths) : env_(env), paths_(std::move(paths)) {
    devices_.push_back(std::make_unique<FuseLoopProvider>(env, paths_));
}

HostProvider::HostProvider(env::RealEnv& env, std::string run_directory)
    : HostProvider(env, paths_below(std::move(run_directory))) {}

task<void> HostProvider::clean() {
    auto work = [paths = paths_] { return clean_all_leftovers(paths); };
    const auto notes = co_await env_.pool().run(std::move(work));
    for (const auto& note : notes) env_.log().warning(note);
}

task<result<std::unique_ptr<Export>>> HostProvider::create(std::string name, block::Device& device) {
    return env::shielded(create_steps(std::move(name), device));
}

// The block device by the first provider that works here; null when none does.
task<result<std::unique_ptr<Export>>> HostProvider::create_device(const std::string& name, block::Device& device) {
    for (auto& provider : devices_) {
        auto missing = provider->why_unavailable();
        if (missing.empty()) co_return co_await provider->create(name, device);
        env_.log().warning(name + " device: " + std::string(provider->name()) + " is not possible here: " + missing);
    }
    co_return std::unique_ptr<Export>();
}

task<result<std::unique_ptr<Export>>> HostProvider::create_steps(std::string name, block::Device& device) {
    if (!is_identifier(name)) co_return failure(std::errc::invalid_argument, "'" + name + "' is no resource name");
    if (::mkdir(paths_.run.c_str(), 0700) < 0 && errno != EEXIST)
        co_return errno_failure(errno, "cannot create directory " + paths_.run);
    MARS_CO_TRY(auto block_device, co_await create_device(name, device));
    auto nbd = NbdServer::listen(env_, device, name, paths_.socket(name));
    if (!nbd) {
        if (block_device) co_await block_device->abort();
        co_return nbd.error().with(name + " device");
    }
    std::unique_ptr<Export> made = std::make_unique<HostExport>(env_, std::move(block_device), std::move(*nbd));
    co_return std::move(made);
}

} // namespace mars::exports
