// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/sim/network.hpp"

#include <algorithm>
#include <cerrno>

#include "kernel/env/sim/machine.hpp"

namespace mars::env::sim {

using namespace std::chrono_literals;

namespace {
constexpr std::size_t kWindow = 256 * 1024; // bytes under way or unread per direction
constexpr Duration kStalled = 30s;
} // namespace

// One direction of a connection.
struct Pipe : std::enable_shared_from_this<Pipe> {
    World& world;
    Network& network;
    std::string from, to;
    std::deque<std::vector<std::byte>> under_way;
    std::deque<std::byte> arrived;
    std::size_t in_flight = 0; // bytes in under_way
    bool ended = false;        // the writer has closed: EOF after what is under way
    bool broken = false;       // reset or timed out
    bool reader_gone = false;  // the reading end is closed: answers with a reset
    bool silent = false;       // the reading machine lost power: nothing arrives
    bool delivering = false;
    std::weak_ptr<Waiter<bool>> reader, writer;

    Pipe(World& w, Network& n, std::string f, std::string t)
        : world(w), network(n), from(std::move(f)), to(std::move(t)) {}

    static void wake(std::weak_ptr<Waiter<bool>>& who) {
        if (auto waiter = who.lock()) waiter->complete(true);
        who.reset();
    }
    void fail() {
        if (broken) return;
        broken = true;
        wake(reader);
        wake(writer);
    }

    void send(std::span<const std::byte> data) {
        under_way.emplace_back(data.begin(), data.end());
        in_flight += data.size();
        deliver_next();
    }

    bool stuck() const { return network.link(from, to).cut || silent; }

    // Puts the oldest segment on the wire.
    void deliver_next() {
        if (delivering || broken || (under_way.empty() && !ended)) return;
        delivering = true;
        auto self = shared_from_this();
        if (stuck()) {
            world.after(kStalled, [self] {
                self->delivering = false;
                if (self->stuck())
                    self->fail();
                else
                    self->deliver_next();
            });
            return;
        }
        auto& link = network.link(from, to);
        const std::size_t size = under_way.empty() ? 0 : under_way.front().size();
        const auto on_wire = Duration(static_cast<std::int64_t>(size * 1'000'000'000 / link.bytes_per_second));
        link.busy_until = std::max(link.busy_until, world.now()) + on_wire;
        link.bytes_carried += size;
        world.at(link.busy_until + link.latency, [self] { self->arrive(); });
    }

    void arrive() {
        delivering = false;
        if (broken) return;
        if (stuck()) return deliver_next(); // lost on the way; sent again
        if (reader_gone) {
            fail();
            return;
        }
        if (!under_way.empty()) {
            auto& segment = under_way.front();
            arrived.insert(arrived.end(), segment.begin(), segment.end());
            in_flight -= segment.size();
            under_way.pop_front();
        }
        wake(reader);
        wake(writer);
        if (!under_way.empty()) deliver_next();
    }

    // After healing: no need to wait for the retransmission timer.
    void nudge() {
        if (!broken && delivering && !stuck() && !under_way.empty()) arrive();
    }
    bool at_end() const { return ended && under_way.empty(); }
};

class SimStream final : public Stream {
  public:
    SimStream(Process& process, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, Endpoint remote)
        : process_(process), in_(std::move(in)), out_(std::move(out)), remote_(std::move(remote)) {}
    ~SimStream() override { close(); }

    task<result<std::size_t>> read_some(std::span<std::byte> into) override {
        while (true) {
            if (closed_) co_return errno_failure(ECANCELED, "connection to " + remote_.text());
            if (!in_->arrived.empty()) break;
            if (in_->broken) co_return errno_failure(ECONNRESET, "connection to " + remote_.text());
            if (in_->at_end()) co_return std::size_t(0);
            if (!co_await wait(in_->reader)) co_return errno_failure(ECANCELED, "connection to " + remote_.text());
        }
        const auto length = std::min(into.size(), in_->arrived.size());
        std::copy_n(in_->arrived.begin(), length, into.begin());
        in_->arrived.erase(in_->arrived.begin(), in_->arrived.begin() + static_cast<std::ptrdiff_t>(length));
        Pipe::wake(in_->writer);
        co_return length;
    }

    task<result<void>> write(std::span<const std::byte> data) override {
        while (!data.empty()) {
            if (closed_) co_return errno_failure(ECANCELED, "connection to " + remote_.text());
            if (out_->broken) co_return errno_failure(EPIPE, "connection to " + remote_.text());
            const auto used = out_->in_flight + out_->arrived.size();
            if (used >= kWindow) {
                if (!co_await wait(out_->writer)) co_return errno_failure(ECANCELED, "connection to " + remote_.text());
                continue;
            }
            const auto piece = data.first(std::min<std::size_t>({data.size(), kWindow - used, 16 * 1024}));
            out_->send(piece);
            data = data.subspan(piece.size());
        }
        co_return result<void>();
    }

    void close() noexcept override {
        if (closed_) return;
        closed_ = true;
        in_->reader_gone = true;
        out_->ended = true;
        Pipe::wake(in_->reader);
        Pipe::wake(out_->writer);
        out_->deliver_next();
    }
    Endpoint remote() const override { return remote_; }

  private:
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
    std::shared_ptr<Pipe> in_, out_;
    Endpoint remote_;
    bool closed_ = false;
};

class SimListener final : public Listener {
  public:
    SimListener(Process& process, Endpoint at) : process_(process), at_(std::move(at)), event_(process.lot()) {
        process_.machine().world().network().listeners_[{at_.address, at_.port}] = this;
    }
    ~SimListener() override { withdraw(); }

    void withdraw() {
        auto& listeners = process_.machine().world().network().listeners_;
        auto found = listeners.find({at_.address, at_.port});
        if (found != listeners.end() && found->second == this) listeners.erase(found);
    }

    task<result<std::unique_ptr<Stream>>> accept() override {
        if (waiting_.empty()) co_await event_.wait();
        if (waiting_.empty()) co_return errno_failure(ECANCELED, "accepting at " + at_.text());
        auto stream = std::move(waiting_.front());
        waiting_.pop_front();
        co_return std::move(stream);
    }
    Endpoint local() const override { return at_; }

    void offer(std::unique_ptr<Stream> stream) {
        waiting_.push_back(std::move(stream));
        event_.notify();
    }
    Process& process() { return process_; }

  private:
    Process& process_;
    Endpoint at_;
    Event event_;
    std::deque<std::unique_ptr<Stream>> waiting_;
};

class SimNet final : public Net {
  public:
    explicit SimNet(Process& process) : process_(process) {}

    task<result<std::unique_ptr<Stream>>> connect(Endpoint to, Duration timeout) override {
        auto& network = process_.machine().world().network();
        const std::string from = process_.machine().address();
        co_await process_.clock().sleep(network.link(from, to.address).latency * 2);
        if (network.link(from, to.address).cut) {
            co_await process_.clock().sleep(timeout);
            co_return errno_failure(ETIMEDOUT, "connecting to " + to.text());
        }
        auto found = network.listeners_.find({to.address, to.port});
        if (found == network.listeners_.end()) co_return errno_failure(ECONNREFUSED, "connecting to " + to.text());
        auto& world = process_.machine().world();
        auto there = std::make_shared<Pipe>(world, network, from, to.address);
        auto back = std::make_shared<Pipe>(world, network, to.address, from);
        std::erase_if(network.pipes_, [](const auto& pipe) { return pipe.expired(); });
        network.pipes_.push_back(there);
        network.pipes_.push_back(back);
        const auto port = static_cast<std::uint16_t>(32768 + world.random().below(28000));
        const Endpoint here{from, port};
        found->second->offer(std::make_unique<SimStream>(found->second->process(), there, back, here));
        std::unique_ptr<Stream> stream = std::make_unique<SimStream>(process_, back, there, to);
        co_return stream;
    }

    result<std::unique_ptr<Listener>> listen(Endpoint at) override {
        at.address = process_.machine().address();
        auto& network = process_.machine().world().network();
        if (network.listeners_.contains({at.address, at.port}))
            return errno_failure(EADDRINUSE, "listening at " + at.text());
        return std::unique_ptr<Listener>(std::make_unique<SimListener>(process_, at));
    }

  private:
    Process& process_;
};

Link& Network::link(const std::string& a, const std::string& b) {
    return links_[a < b ? std::pair(a, b) : std::pair(b, a)];
}

void Network::cut(const std::string& a, const std::string& b) {
    world_.trace("network: cut " + a + " " + b);
    link(a, b).cut = true;
}

void Network::heal(const std::string& a, const std::string& b) {
    world_.trace("network: heal " + a + " " + b);
    link(a, b).cut = false;
    auto pipes = pipes_;
    for (auto& weak : pipes)
        if (auto pipe = weak.lock(); pipe && ((pipe->from == a && pipe->to == b) || (pipe->from == b && pipe->to == a)))
            pipe->nudge();
}

void Network::heal_all() {
    for (auto& [ends, link] : links_)
        if (link.cut) heal(ends.first, ends.second);
}

void Network::vanish(const std::string& address) {
    for (auto& weak : pipes_) {
        auto pipe = weak.lock();
        if (!pipe) continue;
        if (pipe->to == address) pipe->silent = true;
        if (pipe->from == address) { // what it had sent and not delivered is lost, and no end is announced
            pipe->under_way.clear();
            pipe->in_flight = 0;
            pipe->silent = true;
        }
    }
}

void Network::appear(const std::string& address) {
    for (auto& weak : pipes_) {
        auto pipe = weak.lock();
        if (!pipe || !pipe->silent || pipe->broken || (pipe->to != address && pipe->from != address)) continue;
        world_.after(world_.random().between(100ms, 3s), [pipe] {
            if (!pipe->network.link(pipe->from, pipe->to).cut) pipe->fail();
        });
    }
}

void Network::process_ended(Process& process) {
    auto listeners = listeners_;
    for (auto& [at, listener] : listeners)
        if (&listener->process() == &process) listener->withdraw();
}

std::unique_ptr<Net> make_net(Process& process) {
    return std::make_unique<SimNet>(process);
}

} // namespace mars::env::sim
