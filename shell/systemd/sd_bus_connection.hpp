// SPDX-License-Identifier: GPL-2.0-or-later
// A connection with the manager of units over D-Bus, and what is read through it. Blocks: for threads of a pool.
// Errors: unit.bus when systemd cannot be talked to, unit.job when it refuses, in its words.
#pragma once

#include <systemd/sd-bus.h>

#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "kernel/base/late_library.hpp"
#include "shell/systemd/systemd.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell::systemd {

inline constinit LateLibrary libsystemd("libsystemd.so.0", "libsystemd0");
MARS_LATE_FUNCTION(libsystemd, sd_bus_call_method);
MARS_LATE_FUNCTION(libsystemd, sd_bus_error_free);
MARS_LATE_FUNCTION(libsystemd, sd_bus_flush_close_unref);
MARS_LATE_FUNCTION(libsystemd, sd_bus_get_property);
MARS_LATE_FUNCTION(libsystemd, sd_bus_get_property_string);
MARS_LATE_FUNCTION(libsystemd, sd_bus_get_property_strv);
MARS_LATE_FUNCTION(libsystemd, sd_bus_get_property_trivial);
MARS_LATE_FUNCTION(libsystemd, sd_bus_match_signal);
MARS_LATE_FUNCTION(libsystemd, sd_bus_message_enter_container);
MARS_LATE_FUNCTION(libsystemd, sd_bus_message_exit_container);
MARS_LATE_FUNCTION(libsystemd, sd_bus_message_read);
MARS_LATE_FUNCTION(libsystemd, sd_bus_message_skip);
MARS_LATE_FUNCTION(libsystemd, sd_bus_message_unref);
MARS_LATE_FUNCTION(libsystemd, sd_bus_new);
MARS_LATE_FUNCTION(libsystemd, sd_bus_open_system);
MARS_LATE_FUNCTION(libsystemd, sd_bus_process);
MARS_LATE_FUNCTION(libsystemd, sd_bus_set_address);
MARS_LATE_FUNCTION(libsystemd, sd_bus_set_method_call_timeout);
MARS_LATE_FUNCTION(libsystemd, sd_bus_slot_unref);
MARS_LATE_FUNCTION(libsystemd, sd_bus_start);
MARS_LATE_FUNCTION(libsystemd, sd_bus_wait);

inline constexpr const char* kService = "org.freedesktop.systemd1";
inline constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
inline constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

struct Unref {
    void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};
using BusPtr = std::unique_ptr<sd_bus, Unref>;
using MessagePtr = std::unique_ptr<sd_bus_message, Unref>;
using SlotPtr = std::unique_ptr<sd_bus_slot, Unref>;

class BusError {
  public:
    ~BusError() { sd_bus_error_free(&error_); }
    sd_bus_error* get() { return &error_; }
    std::string text(int code) const {
        return error_.message ? error_.message : std::generic_category().message(-code);
    }

  private:
    sd_bus_error error_{}; // what SD_BUS_ERROR_NULL says in C
};

// `code`: a negative errno.
failure no_bus(int code);
result<BusPtr> open_bus();

// Calls a method of the manager. `what`: for the message, names the unit.
template<class... Values>
result<MessagePtr> call(sd_bus* bus, const std::string& what, const char* method, const char* types, Values... values) {
    BusError error;
    sd_bus_message* reply = nullptr;
    int code = sd_bus_call_method(bus, kService, kManagerPath, kManager, method, error.get(), &reply, types, values...);
    if (code < 0) return refusal("unit.job", what + ": systemd says: " + error.text(code));
    return MessagePtr(reply);
}

result<UnitState> ask_state(sd_bus* bus, const std::string& unit);
result<UnitNeeds> ask_needs(sd_bus* bus, const std::string& unit);

} // namespace mars::shell::systemd
