// SPDX-License-Identifier: GPL-2.0-or-later
// ParkingLot: where suspended coroutines of one host wait. Every primitive that suspends (timers, files, streams,
// events; real and simulated) parks its handler here, so that a simulated crash can drop all of a host's coroutines at
// once: abandoning the lot destroys the handlers, which unwinds the coroutine frames through their executor, and
// nothing else of that host runs. In production the lot is never abandoned. One thread. A parked operation is completed
// at most once; completing one that is gone does nothing.
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "kernel/env/task.hpp"

namespace mars::env {

class ParkingLot {
  public:
    class Parked {
      public:
        virtual ~Parked() = default;

      private:
        friend class ParkingLot;
        template<class T>
        friend class Waiter;
        std::list<std::shared_ptr<Parked>>::iterator place_;
    };

    ParkingLot() = default;
    ParkingLot(const ParkingLot&) = delete;
    ParkingLot& operator=(const ParkingLot&) = delete;

    // Destroys all parked handlers; their coroutines unwind when the executor runs next. Nobody may park afterwards.
    void abandon() {
        abandoned_ = true;
        while (!parked_.empty()) {
            auto doomed = std::move(parked_); // destroying a handler may reach other parked operations
            parked_.clear();
            doomed.clear();
        }
    }
    bool abandoned() const { return abandoned_; }
    std::size_t size() const { return parked_.size(); }
    // How often a coroutine was resumed here.
    std::uint64_t resumptions() const { return resumptions_; }

  private:
    template<class T>
    friend class Waiter;
    std::list<std::shared_ptr<Parked>> parked_;
    bool abandoned_ = false;
    std::uint64_t resumptions_ = 0;
};

// The handle that completes one suspended coroutine with a T. Hold it weakly: after a crash it is gone.
template<class T>
class Waiter : public ParkingLot::Parked {
  public:
    // Resumes the coroutine with `value` (through its executor, never from inside this call). At most once.
    void complete(T value) {
        if (done_ || lot_.abandoned_) return; // after a crash nothing resumes any more
        done_ = true;
        ++lot_.resumptions_;
        auto keep = leave();
        resume(std::move(value));
    }
    bool done() const { return done_; }

    // Runs when the coroutine is cancelled while it waits; must lead to complete(), at once or later.
    std::function<void()> on_cancel;

  protected:
    explicit Waiter(ParkingLot& lot) : lot_(lot) {}
    virtual void resume(T value) = 0;

  private:
    template<class U, class Start>
    friend task<U> park(ParkingLot&, Start);

    std::shared_ptr<ParkingLot::Parked> leave() {
        auto keep = std::move(*place_);
        lot_.parked_.erase(place_);
        return keep;
    }
    static void enter(ParkingLot& lot, const std::shared_ptr<Waiter>& waiter) {
        lot.parked_.push_front(waiter);
        waiter->place_ = lot.parked_.begin();
    }

    ParkingLot& lot_;
    bool done_ = false;
};

namespace detail {

template<class T, class Handler>
class HandlerWaiter final : public Waiter<T> {
  public:
    HandlerWaiter(ParkingLot& lot, Handler handler) : Waiter<T>(lot), handler_(std::move(handler)) {}
    Handler& handler() { return *handler_; }

  private:
    void resume(T value) override {
        auto handler = std::move(*handler_);
        handler_.reset();
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) slot.clear();
        auto target = asio::get_associated_executor(handler);
        asio::post(target, [h = std::move(handler), v = std::move(value)]() mutable { std::move(h)(std::move(v)); });
    }

    std::optional<Handler> handler_;
};

} // namespace detail

// Suspends the calling coroutine until somebody calls complete(). `start` is called at once with the std::shared_ptr
// <Waiter<T>>; it starts the operation, keeps the waiter weakly, and may set on_cancel (without it the wait cannot be
// cancelled). T must be movable; results that can fail use result<…>.
template<class T, class Start>
task<T> park(ParkingLot& lot, Start start) {
    auto initiate = [&lot, &start](auto handler) {
        using Handler = std::decay_t<decltype(handler)>;
        auto waiter = std::make_shared<detail::HandlerWaiter<T, Handler>>(lot, std::move(handler));
        if (lot.abandoned()) return; // the host has crashed: never resumes, unwinds
        std::shared_ptr<Waiter<T>> base = waiter;
        Waiter<T>::enter(lot, base);
        auto slot = asio::get_associated_cancellation_slot(waiter->handler());
        if (slot.is_connected())
            slot.assign([weak = std::weak_ptr<Waiter<T>>(base)](asio::cancellation_type) {
                auto strong = weak.lock();
                if (strong && strong->on_cancel) {
                    auto cancel = std::move(strong->on_cancel);
                    strong->on_cancel = nullptr;
                    cancel();
                }
            });
        start(base);
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(initiate, asio::use_awaitable);
}

} // namespace mars::env
