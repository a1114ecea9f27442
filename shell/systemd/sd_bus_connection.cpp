// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/sd_bus_connection.hpp"

#include <chrono>
#include <cstdlib>
#include <optional>

#include "shell/systemd/unit_names.hpp"

namespace mars::shell::systemd {

namespace {

constexpr const char* kPrivateSocket = "unix:path=/run/systemd/private"; // for root, without a message bus
constexpr const char* kUnitInterface = "org.freedesktop.systemd1.Unit";
constexpr const char* kServiceInterface = "org.freedesktop.systemd1.Service";
constexpr const char* kJobInterface = "org.freedesktop.systemd1.Job";
constexpr const char* kMountInterface = "org.freedesktop.systemd1.Mount";
constexpr std::uint64_t kCallMicroseconds = 90'000'000;

// The properties of one unit. What the present release of systemd does not have counts as empty.
class Properties {
  public:
    Properties(sd_bus* bus, std::string object) : bus_(bus), object_(std::move(object)) {}

    std::string text(const char* interface, const char* name) const;
    std::vector<std::string> list(const char* interface, const char* name) const;
    bool flag(const char* interface, const char* name) const;
    std::uint64_t number(const char* interface, const char* name) const;
    MessagePtr message(const char* interface, const char* name, const char* type) const;

  private:
    sd_bus* bus_;
    std::string object_;
};

std::string Properties::text(const char* interface, const char* name) const {
    char* value = nullptr;
    if (sd_bus_get_property_string(bus_, kService, object_.c_str(), interface, name, nullptr, &value) < 0) return {};
    std::string found = value;
    std::free(value);
    return found;
}

std::vector<std::string> Properties::list(const char* interface, const char* name) const {
    char** values = nullptr;
    std::vector<std::string> found;
    if (sd_bus_get_property_strv(bus_, kService, object_.c_str(), interface, name, nullptr, &values) < 0) return found;
    for (char** value = values; value && *value; ++value) {
        found.emplace_back(*value);
        std::free(*value);
    }
    std::free(values);
    return found;
}

bool Properties::flag(const char* interface, const char* name) const {
    int value = 0;
    return sd_bus_get_property_trivial(bus_, kService, object_.c_str(), interface, name, nullptr, 'b', &value) >= 0 &&
           value != 0;
}

std::uint64_t Properties::number(const char* interface, const char* name) const {
    std::uint64_t value = 0;
    (void)sd_bus_get_property_trivial(bus_, kService, object_.c_str(), interface, name, nullptr, 't',
                                      &value); // stays 0
    return value;
}

MessagePtr Properties::message(const char* interface, const char* name, const char* type) const {
    sd_bus_message* reply = nullptr;
    if (sd_bus_get_property(bus_, kService, object_.c_str(), interface, name, nullptr, &reply, type) < 0) return {};
    return MessagePtr(reply);
}

// Programs of ExecStart= and its like, which must run well: those with '-' in front need not.
void read_programs(const Properties& unit, const char* name, std::vector<std::string>& programs) {
    const auto message = unit.message(kServiceInterface, name, "a(sasbttttuii)");
    if (!message || sd_bus_message_enter_container(message.get(), 'a', "(sasbttttuii)") < 0) return;
    while (sd_bus_message_enter_container(message.get(), 'r', "sasbttttuii") > 0) {
        const char* path = nullptr;
        int is_ignored = 0;
        if (sd_bus_message_read(message.get(), "s", &path) < 0 || sd_bus_message_skip(message.get(), "as") < 0 ||
            sd_bus_message_read(message.get(), "b", &is_ignored) < 0)
            return;
        if (is_ignored == 0) programs.emplace_back(path);
        if (sd_bus_message_skip(message.get(), "ttttuii") < 0 || sd_bus_message_exit_container(message.get()) < 0)
            return;
    }
}

// EnvironmentFile= without '-'.
void read_environment_files(const Properties& unit, std::vector<std::string>& files) {
    const auto message = unit.message(kServiceInterface, "EnvironmentFiles", "a(sb)");
    if (!message || sd_bus_message_enter_container(message.get(), 'a', "(sb)") < 0) return;
    const char* path = nullptr;
    int is_optional = 0;
    while (sd_bus_message_read(message.get(), "(sb)", &path, &is_optional) > 0)
        if (is_optional == 0) files.emplace_back(path);
}

// The kind of the job that is queued for a unit; empty without one, or when it has ended meanwhile.
std::string job_of(sd_bus* bus, const Properties& unit) {
    const auto message = unit.message(kUnitInterface, "Job", "(uo)");
    std::uint32_t id = 0;
    const char* object = nullptr;
    if (!message || sd_bus_message_read(message.get(), "(uo)", &id, &object) < 0 || id == 0) return {};
    return Properties(bus, object).text(kJobInterface, "JobType");
}

std::string load_error(const Properties& unit) {
    const auto message = unit.message(kUnitInterface, "LoadError", "(ss)");
    const char *name = nullptr, *text = nullptr;
    if (!message || sd_bus_message_read(message.get(), "(ss)", &name, &text) < 0) return {};
    return text;
}

void read_service(const Properties& unit, UnitNeeds& needs) {
    for (auto name : {"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost"})
        read_programs(unit, name, needs.programs);
    read_environment_files(unit, needs.files);
    needs.search_path = unit.list(kServiceInterface, "ExecSearchPath");
    needs.directory = unit.text(kServiceInterface, "WorkingDirectory");
    needs.has_own_root =
        !unit.text(kServiceInterface, "RootDirectory").empty() || !unit.text(kServiceInterface, "RootImage").empty();
    if (unit.flag(kServiceInterface, "DynamicUser")) return; // systemd makes it
    needs.user = unit.text(kServiceInterface, "User");
    needs.group = unit.text(kServiceInterface, "Group");
}

result<std::string> load(sd_bus* bus, const std::string& unit) {
    MARS_TRY(auto reply, call(bus, "unit " + unit, "LoadUnit", "s", unit.c_str()));
    const char* object = nullptr;
    if (int code = sd_bus_message_read(reply.get(), "o", &object); code < 0) return no_bus(code);
    return std::string(object);
}

} // namespace

failure no_bus(int code) {
    return refusal("unit.bus", "cannot talk to systemd: " + std::generic_category().message(-code) +
                                   "; is it pid 1 here (ps -p 1)?");
}

result<BusPtr> open_bus() {
    sd_bus* raw = nullptr;
    if (int made = sd_bus_new(&raw); made < 0) return no_bus(made);
    BusPtr bus(raw);
    int code = sd_bus_set_address(raw, kPrivateSocket);
    if (code >= 0) code = sd_bus_start(raw);
    if (code < 0) {
        bus.reset();
        raw = nullptr;
        if (code = sd_bus_open_system(&raw); code < 0) return no_bus(code);
        bus.reset(raw);
    }
    (void)sd_bus_set_method_call_timeout(raw, kCallMicroseconds);
    return bus;
}

result<UnitState> ask_state(sd_bus* bus, const std::string& unit) {
    MARS_TRY(auto object, load(bus, unit));
    const Properties properties(bus, std::move(object));
    UnitState state;
    state.job = job_of(bus, properties);
    state.is_passing = unit_kind(unit) == "service" && properties.text(kServiceInterface, "Type") == "oneshot" &&
                       !properties.flag(kServiceInterface, "RemainAfterExit");
    state.load = properties.text(kUnitInterface, "LoadState");
    state.active = properties.text(kUnitInterface, "ActiveState");
    state.sub = properties.text(kUnitInterface, "SubState");
    state.file = properties.text(kUnitInterface, "UnitFileState");
    // systemd's monotonic clock is CLOCK_MONOTONIC; so is this one.
    const std::chrono::microseconds entered(properties.number(kUnitInterface, "ActiveEnterTimestampMonotonic"));
    if (entered.count() > 0) state.active_for = std::chrono::steady_clock::now().time_since_epoch() - entered;
    return state;
}

result<UnitNeeds> ask_needs(sd_bus* bus, const std::string& unit) {
    MARS_TRY(auto object, load(bus, unit));
    const Properties properties(bus, std::move(object));
    UnitNeeds needs;
    needs.load = properties.text(kUnitInterface, "LoadState");
    needs.file = properties.text(kUnitInterface, "UnitFileState");
    if (!needs.is_loaded()) {
        needs.load_error = load_error(properties);
        return needs;
    }
    for (auto name : {"Requires", "Requisite", "BindsTo"})
        for (auto& other : properties.list(kUnitInterface, name)) needs.units.push_back(std::move(other));
    if (unit_kind(unit) == "service") read_service(properties, needs);
    if (unit_kind(unit) == "mount") {
        needs.mount_point = properties.text(kMountInterface, "Where");
        needs.filesystem = properties.text(kMountInterface, "Type");
    }
    return needs;
}

} // namespace mars::shell::systemd
