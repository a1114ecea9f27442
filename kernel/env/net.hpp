// SPDX-License-Identifier: GPL-2.0-or-later
// Net: byte streams between hosts (TCP; later TLS above the same interface).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"
#include "kernel/env/task.hpp"

namespace mars::env {

struct Endpoint {
    std::string address; // dotted IPv4; "" listens on all addresses
    std::uint16_t port = 0;

    bool operator==(const Endpoint&) const = default;
    std::string text() const { return address + ":" + std::to_string(port); }
};

// One connection. At most one read and one write at a time. After a cancelled or failed operation only close() is
// useful.
class Stream {
  public:
    virtual ~Stream() = default; // closes

    // Reads at least one byte, at most into.size(); 0 when the peer has ended its side orderly.
    virtual task<result<std::size_t>> read_some(std::span<std::byte> into) = 0;
    // Writes all of `data`. Success means handed to the transport, not received.
    virtual task<result<void>> write(std::span<const std::byte> data) = 0;
    // Ends the connection now; pending operations fail. Idempotent.
    virtual void close() noexcept = 0;
    virtual Endpoint remote() const = 0;
};

class Listener {
  public:
    virtual ~Listener() = default;

    virtual task<result<std::unique_ptr<Stream>>> accept() = 0;
    virtual Endpoint local() const = 0;
};

class Net {
  public:
    virtual ~Net() = default;

    // Connects from the host's own address. Gives up after `timeout` with errc::timed_out.
    virtual task<result<std::unique_ptr<Stream>>> connect(Endpoint to, Duration timeout) = 0;
    // Listens; a port in use is errc::address_in_use.
    virtual result<std::unique_ptr<Listener>> listen(Endpoint at) = 0;
};

// Reads exactly into.size() bytes. The peer's end before that is errc::connection_reset.
task<result<void>> read_exactly(Stream& stream, std::span<std::byte> into);

} // namespace mars::env
