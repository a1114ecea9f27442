// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/sim_net.hpp"

#include <algorithm>
#include <cerrno>

#include "kernel/env/sim/connection.hpp"
#include "kernel/env/sim/machine.hpp"
#include "kernel/env/sim/network.hpp"

namespace mars::env::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kSegment = 16 * 1024;

class SimStream final : public Stream {
  public:
    SimStream(Process& process, std::shared_ptr<Connection> connection, int side, Endpoint remote)
        : process_(process), connection_(std::move(connection)), side_(side), remote_(std::move(remote)) {}
    ~SimStream() override { close(); }

    task<result<std::size_t>> read_some(std::span<std::byte> into) override {
        while (true) {
            if (end().is_closed) co_return problem(ECANCELED);
            if (connection_->has_arrived(side_)) break;
            if (connection_->is_at_end(side_)) co_return std::size_t(0);
            if (end().is_broken) co_return problem(ECONNRESET);
            const bool lives = co_await wait(connection_->reader(side_));
            if (!lives) co_return problem(ECANCELED);
        }
        const auto length = connection_->take(side_, into);
        co_return length;
    }

    task<result<void>> write(std::span<const std::byte> data) override {
        while (!data.empty()) {
            if (end().is_closed) co_return problem(ECANCELED);
            if (end().is_broken) co_return problem(EPIPE);
            const auto room = connection_->room(side_);
            if (room == 0) {
                const bool lives = co_await wait(connection_->writer(side_));
                if (!lives) co_return problem(ECANCELED);
                continue;
            }
            const auto piece = data.first(std::min({data.size(), room, kSegment}));
            connection_->send(side_, piece);
            data = data.subspan(piece.size());
        }
        co_return result<void>();
    }

    void close() noexcept override { connection_->close(side_); }
    Endpoint remote() const override { return remote_; }

  private:
    const Connection::End& end() const { return connection_->end(side_); }
    failure problem(int error) const { return errno_failure(error, "connection to " + remote_.text()); }

    task<bool> wait(std::weak_ptr<Waiter<bool>>& place) {
        auto start = [&place](const std::shared_ptr<Waiter<bool>>& waiter) {
            std::weak_ptr<Waiter<bool>> weak = waiter;
            waiter->on_cancel = [weak] {
                if (auto strong = weak.lock()) strong->complete(false);
            };
            place = weak;
        };
        co_return co_await park<bool>(process_.lot(), start);
    }

    Process& process_;
    std::shared_ptr<Connection> connection_;
    int side_;
    Endpoint remote_;
};

} // namespace

// --- listening -------------------------------------------------------------------------------------------------------

SimListener::SimListener(Process& process, Endpoint at) : process_(process), at_(std::move(at)), event_(process.lot()) {
    process_.machine().world().network().listeners_[{&process_.machine(), at_.port}] = this;
}

SimListener::~SimListener() {
    withdraw();
}

void SimListener::withdraw() {
    auto& listeners = process_.machine().world().network().listeners_;
    auto found = listeners.find({&process_.machine(), at_.port});
    if (found != listeners.end() && found->second == this) listeners.erase(found);
}

task<result<std::unique_ptr<Stream>>> SimListener::accept() {
    if (waiting_.empty()) co_await event_.wait();
    if (waiting_.empty()) co_return errno_failure(ECANCELED, "accepting at " + at_.text());
    auto stream = std::move(waiting_.front());
    waiting_.pop_front();
    co_return std::move(stream);
}

void SimListener::offer(std::unique_ptr<Stream> stream) {
    waiting_.push_back(std::move(stream));
    event_.notify();
}

// --- connecting ------------------------------------------------------------------------------------------------------

class SimNet final : public Net {
  public:
    explicit SimNet(Process& process) : process_(process) {}

    task<result<std::unique_ptr<Stream>>> connect(Endpoint to, Duration timeout) override {
        const std::string from = process_.machine().address();
        const auto round_trip = network().round_trip(from, to.address);
        co_await process_.clock().sleep(round_trip);
        Duration pause = 1s; // as TCP: one, two, four seconds
        for (auto rest = timeout; !network().is_reachable(from, to.address); pause *= 2) {
            if (rest <= Duration(0)) co_return errno_failure(ETIMEDOUT, "connecting to " + to.text());
            const auto nap = std::min(pause, rest);
            co_await process_.clock().sleep(nap);
            rest -= nap;
        }
        auto* machine = network().machines_.at(to.address);
        auto found = network().listeners_.find({machine, to.port});
        if (found == network().listeners_.end()) co_return errno_failure(ECONNREFUSED, "connecting to " + to.text());
        auto connection = network().connect(from, to.address, to.port);
        const Endpoint here{from, static_cast<std::uint16_t>(32768 + process_.random().below(28000))};
        auto& listener = *found->second;
        listener.offer(std::make_unique<SimStream>(listener.process(), connection, 1, here));
        std::unique_ptr<Stream> stream = std::make_unique<SimStream>(process_, connection, 0, to);
        co_return stream;
    }

    result<std::unique_ptr<Listener>> listen(Endpoint at) override {
        at.address = process_.machine().address();
        if (network().listeners_.contains({&process_.machine(), at.port}))
            return errno_failure(EADDRINUSE, "listening at " + at.text());
        return std::unique_ptr<Listener>(std::make_unique<SimListener>(process_, at));
    }

  private:
    Network& network() const { return process_.machine().world().network(); }

    Process& process_;
};

std::unique_ptr<Net> make_net(Process& process) {
    return std::make_unique<SimNet>(process);
}

} // namespace mars::env::sim
