// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/sim_exports.hpp"

namespace mars::sim {

class SimExports::SimExport final : public exports::Export {
  public:
    SimExport(SimExports& owner, std::string name, block::Device& device)
        : owner_(owner), name_(std::move(name)), device_(device), changed_(owner.env_.lot()) {
        owner_.exports_[name_] = this;
    }
    ~SimExport() override { withdraw(); }

    int open_count() const override { return openers_; }
    env::Event& changed() override { return changed_; }
    std::string state() const override { return "simulated device " + name_; }

    env::task<result<bool>> try_close() override {
        if (openers_ > 0) co_return false;
        auto flushed = co_await device_.flush(); // as the kernel does before it lets a loop device go
        if (!flushed) co_return flushed.error();
        if (openers_ > 0) co_return false;
        withdraw();
        co_return true;
    }
    env::task<result<void>> close() override {
        while (openers_ > 0) co_await changed_.wait();
        withdraw();
        co_return result<void>();
    }
    env::task<void> abort() override {
        withdraw();
        co_return;
    }
    env::task<result<void>> grow() override { co_return result<void>(); }

    block::Device& open() {
        ++openers_;
        changed_.notify();
        return device_;
    }
    void leave() {
        --openers_;
        changed_.notify();
    }

  private:
    void withdraw() {
        auto found = owner_.exports_.find(name_);
        if (found != owner_.exports_.end() && found->second == this) owner_.exports_.erase(found);
    }

    SimExports& owner_;
    std::string name_;
    block::Device& device_;
    int openers_ = 0;
    env::Event changed_;
};

env::task<result<std::unique_ptr<exports::Export>>> SimExports::create(std::string name, block::Device& device) {
    if (exports_.contains(name)) co_return failure(std::errc::file_exists, "device " + name + " exists already");
    std::unique_ptr<exports::Export> made = std::make_unique<SimExport>(*this, name, device);
    co_return made;
}

block::Device* SimExports::open(const std::string& name) {
    auto found = exports_.find(name);
    return found == exports_.end() ? nullptr : &found->second->open();
}

void SimExports::close(const std::string& name) {
    auto found = exports_.find(name);
    if (found != exports_.end()) found->second->leave();
}

} // namespace mars::sim
