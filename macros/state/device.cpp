// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for the primary, the disk and the device. Spec: macro-language 3.6.
#include <algorithm>

#include "kernel/base/number.hpp"
#include "macros/language/value.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"
#include "macros/state/switches.hpp"

namespace mars::macros {

namespace {

Flow get_primary(Evaluator& evaluator, const Call&, Value& out) {
    return state_of(evaluator).designated_primary(out.own());
}

Flow todo_primary(Evaluator& evaluator, const Call&, Value& out) {
    std::string primary;
    MARS_FLOW(state_of(evaluator).designated_primary(primary));
    out.set_flag(!primary.empty() && primary == state_of(evaluator).host());
    return Flow::normal;
}

// Always 0 in releases up to 0.1a.
Flow todo_secondary(Evaluator& evaluator, const Call&, Value& out) {
    std::string primary;
    out.set(0);
    if (evaluator.compat()) return Flow::normal;
    MARS_FLOW(state_of(evaluator).designated_primary(primary));
    out.set(primary != state_of(evaluator).host());
    return Flow::normal;
}

Flow actual_primary(Evaluator& evaluator, const Call&, Value& out) {
    State& state = state_of(evaluator);
    if (!evaluator.env().text(kCmd).ends_with("1and1")) evaluator.warn("'actual-primary' is deprecated");
    if (is_true(state.device_present())) {
        out.set(state.host());
        return Flow::normal;
    }
    std::string directory = state.in_resource("");
    for (auto& host : state.view().suffixes(directory.substr(0, directory.size() - 1), "actual-"))
        if (is_true(state.optional(state.in_resource("actual-" + host + "/is-primary")))) {
            out.set(host);
            break;
        }
    return Flow::normal;
}

Flow get_disk(Evaluator& evaluator, const Call&, Value& out) {
    State& state = state_of(evaluator);
    out.set(state.checked(state.in_resource("data-" + state.host())));
    return Flow::normal;
}

Flow disk_present(Evaluator& evaluator, const Call& call, Value& out) {
    MARS_FLOW(get_disk(evaluator, call, out));
    std::string disk = out.take();
    out.clear();
    if (disk.empty()) return Flow::normal;
    auto kind = evaluator.outside().kind(disk);
    if (kind == Outside::FileKind::block_device) out.set(1);
    if (kind == Outside::FileKind::regular && !evaluator.compat()) out.set(1);
    if (kind == Outside::FileKind::missing) out.set(0);
    return Flow::normal;
}

Flow get_device(Evaluator& evaluator, const Call&, Value& out) {
    out.set(state_of(evaluator).device_path());
    return Flow::normal;
}

Flow device_present(Evaluator& evaluator, const Call&, Value& out) {
    out.set(state_of(evaluator).device_present());
    return Flow::normal;
}

std::string device_value(const State& state, std::string_view link) {
    return state.optional(state.in_resource("actual-" + state.host() + "/" + std::string(link)));
}

Flow device_counter(Evaluator& evaluator, const Call& call, Value& out) {
    static constexpr std::pair<std::string_view, std::string_view> kLinks[] = {
        {"opened", "open-count"},
        {"nrflying", "if-flying"},
        {"error", "if-state"},
        {"completion-stamp", "if-completion-stamp"}};
    for (auto& [name, link] : kLinks) {
        if (choice(call) != name) continue;
        std::string value = device_value(state_of(evaluator), link);
        out.set(is_true(value) ? value : "0");
    }
    return Flow::normal;
}

Flow completion_age(Evaluator& evaluator, const Call&, Value& out) {
    std::string stamp = device_value(state_of(evaluator), "if-completion-stamp");
    Number age = is_true(stamp) ? Number::parse(state_of(evaluator).now().text()) - Number::parse(stamp) : Number();
    out.set(age < Number() ? Number() : age);
    return Flow::normal;
}

// Blanks in the table of mounts are written as octal escapes.
std::string without_octal(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto octal = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
        if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
            out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

Flow known_device(Evaluator& evaluator, const Call& call, Value& out) {
    if (!state_of(evaluator).is_local()) return Flow::normal;
    std::string device = "/dev/mars/" + state_of(evaluator).resource();
    auto mounts = evaluator.outside().read_file("/proc/mounts");
    for (auto& line : split(evaluator.regexes(), mounts.value_or(""), "\\n").value_or(std::vector<std::string>())) {
        auto fields = split(evaluator.regexes(), line, " ").value_or(std::vector<std::string>());
        if (fields.size() < 4 || without_octal(fields[0]) != device) continue;
        auto& what = choice(call);
        out.set(what == "mounted"      ? "1"
                : what == "mountpoint" ? without_octal(fields[1])
                : what == "fstype"     ? fields[2]
                                       : fields[3]);
        break;
    }
    return Flow::normal;
}

Flow disk_size(Evaluator& evaluator, const Call& call, Value& out) {
    State& state = state_of(evaluator);
    std::string host;
    MARS_FLOW(peer_argument(evaluator, call, 0, host));
    std::string size = state.checked(state.in_named_resource("actsize-" + host));
    if (!size.empty() && !state.view().has(state.in_named_resource("data-" + host))) {
        evaluator.warn("'actsize-" + host + "' exists, but host '" + host + "' has no disk");
        return Flow::normal;
    }
    out.set(std::move(size));
    return Flow::normal;
}

Flow resource_size(Evaluator& evaluator, const Call&, Value& out) {
    out.set(state_of(evaluator).checked(state_of(evaluator).in_named_resource("size")));
    return Flow::normal;
}

Flow device_size(Evaluator& evaluator, const Call& call, Value& out) {
    State& state = state_of(evaluator);
    if (!is_true(state.device_present())) return resource_size(evaluator, call, out);
    // Only the own host's device can be asked; another one's is as large as the resource.
    const auto size = state.is_local() ? evaluator.outside().device_size(state.device_path()) : std::nullopt;
    if (!size && !evaluator.compat()) return resource_size(evaluator, call, out);
    out.set(Number::natural(size.value_or(0)));
    return Flow::normal;
}

Flow possible_size(Evaluator& evaluator, const Call&, Value& out) {
    State& state = state_of(evaluator);
    std::string directory = tree::resource_dir(state.resource());
    std::optional<Number> smallest;
    for (auto& host : state.view().suffixes(directory, "actsize-")) {
        if (!state.view().has(directory + "/data-" + host)) continue;
        Number size = Number::parse(state.optional(directory + "/actsize-" + host));
        if (!smallest || size < *smallest) smallest = size;
    }
    if (!smallest && !state.resource().empty())
        evaluator.warn("no disk size of resource '" + state.resource() + "' is known");
    out.set(smallest.value_or(Number()));
    return Flow::normal;
}

Flow systemd_unit(Evaluator& evaluator, const Call&, Value& out) {
    State& state = state_of(evaluator);
    std::string start = state.optional(state.in_resource("systemd-start-unit"));
    std::string stop = state.optional(state.in_resource("systemd-stop-unit"));
    if (!start.empty() && stop.empty()) evaluator.warn("resource '" + state.resource() + "' has no systemd-stop-unit");
    if (!start.empty()) out.set(stop.empty() ? start : start + " " + stop);
    return Flow::normal;
}

constexpr Primitive kDeviceStateRows[] = {
    {"get-primary", "{}", 0, 1, false, true, "The designated primary; empty for none.", "%get-primary{}", "nodea",
     get_primary, Unit::text, true},
    {"todo-primary", "{}", 0, 1, false, true, "1 if the acting host is the designated primary, else empty.",
     "[%todo-primary{}]", "[]", todo_primary, Unit::flag, true},
    {"todo-secondary", "{}", 0, 1, false, true, "1 if the acting host is not the designated primary, else 0.",
     "%todo-secondary{}", "1", todo_secondary, Unit::flag, true},
    {"actual-primary", "{}", 0, 1, false, true, "The first host that really is primary. Deprecated.",
     "%actual-primary{}", "nodea", actual_primary, Unit::text, true},
    {"get-disk", "{}", 0, 1, false, true, "The disk of the acting host; empty if it is no member.", "%get-disk{}",
     "/dev/vg/vol1", get_disk, Unit::text, true},
    {"{disk-present,present-disk}", "{}", 0, 1, false, false,
     "1 if the disk is a block device or a file here, 0 if it does not exist, else empty.", "%disk-present{}", "1",
     disk_present, Unit::flag, true},
    {"get-device", "{}", 0, 1, false, true, "Path of the device.", "%get-device{}", "/dev/mars/vol1", get_device,
     Unit::text, true},
    {"{device-present,present-device}", "{}", 0, 1, false, false, "1 if the device exists on the acting host.",
     "%device-present{}", "0", device_present, Unit::flag, true},
    {"device-{opened,nrflying,error,completion=stamp}", "{}", 0, 1, false, true,
     "How often the device is opened; requests in flight; its error code; when a request was completed last.",
     "%device-opened{}", "0", device_counter, Unit::count, true},
    {"device-completion=age", "{}", 0, 1, false, false, "Seconds since then.", "%device-completion-age{}", "0",
     completion_age, Unit::seconds, true},
    {"known-device-{mounted,mountpoint,fstype,mountflags}", "{}", 0, 1, false, false,
     "Where and how the device is mounted on this machine.", "[%known-device-mountpoint{}]", "[]", known_device,
     Unit::text, true},
    {"disk-size", "[{host}]", 0, 1, false, true, "Size of the host's disk.", "%disk-size{}", "8589934592", disk_size,
     Unit::bytes, true},
    {"{resource,sync}-size", "{}", 0, 1, false, true, "Size of the resource.", "%resource-size{}", "8589934592",
     resource_size, Unit::bytes, true},
    {"device-size", "{}", 0, 1, false, false, "Size of the device, if it is present, else of the resource.",
     "%device-size{}", "8589934592", device_size, Unit::bytes, true},
    {"resource-possible-size", "{}", 0, 1, false, true, "Size of the smallest disk of all members.",
     "%resource-possible-size{}", "8589934592", possible_size, Unit::bytes, true},
    {"systemd-unit", "{}", 0, 1, false, true, "Units that are started and stopped with the resource.",
     "[%systemd-unit{}]", "[]", systemd_unit, Unit::text, true},
};

} // namespace

std::span<const Primitive> device_state_primitives() {
    return kDeviceStateRows;
}

} // namespace mars::macros
