// SPDX-License-Identifier: GPL-2.0-or-later
// Reason: why a verb did not do what it was asked to. Every refusal carries one stable identifier out of the one table
// below; its class decides the exit code and whether --force turns it into a warning. Texts may change, names may not.
// Spec: verbs 0 (classes), 1.9 (exit codes), 2.10 (names). Tests: tests/unit/shell/verb_table_test.cpp.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "kernel/base/result.hpp"

namespace mars::shell {

enum class FailureClass {
    usage,        // U: missing or malformed argument, unknown option or verb
    system,       // S: not root, no tree, no address, no uuid
    precondition, // P: cannot be overridden
    overridable,  // F: --force turns it into a warning
    timeout,      // T: waiting time exhausted
    unsupported,  // X: forbidden, or not in this version
    remote,       // R: ssh failed
    internal,     // I
};

struct ReasonRow {
    std::string_view name;
    FailureClass failure_class;
    std::string_view summary;
};

// sys.nospace, sys.io, disk.signature, disk.error, disk.unproven, disk.proven, device.blocked, sync.pending,
// view.macro, plugin.*, lua.error, unit.*, remote.timeout and verb.interrupted are ours; everything else is named by
// the specification.
inline constexpr auto kReasons = std::to_array<ReasonRow>({
    {"usage.option", FailureClass::usage, "unknown or malformed option"},
    {"usage.verb", FailureClass::usage, "unknown verb"},
    {"usage.arg", FailureClass::usage, "missing, superfluous or malformed argument"},
    {"usage.size", FailureClass::usage, "malformed size, or no multiple of 4096"},
    {"usage.condition", FailureClass::usage, "unknown wait condition"},
    {"name.syntax", FailureClass::usage, "illegal characters in a name"},
    {"name.length", FailureClass::usage, "name too long"},
    {"name.reserved", FailureClass::overridable, "the name is a reserved word"},
    {"name.nohost", FailureClass::overridable, "the host is no member of the cluster"},
    {"sys.root", FailureClass::system, "not run by root"},
    {"sys.noroot-dir", FailureClass::system, "the tree's directory does not exist"},
    {"sys.nomount", FailureClass::system, "/mars is not a mount point"},
    {"sys.hostname", FailureClass::system, "the host's name is unusable"},
    {"sys.version", FailureClass::system, "the tree was written by a newer version"},
    {"sys.nouuid", FailureClass::system, "the host belongs to no cluster yet"},
    {"sys.noaddress", FailureClass::system, "no address known for a host"},
    {"sys.nospace", FailureClass::system, "no space left in /mars"},
    {"sys.io", FailureClass::system, "the operating system reported an error"},
    {"dp.required", FailureClass::precondition, "marsd does not run"},
    {"dp.forbidden", FailureClass::precondition, "marsd runs"},
    {"cluster.exists", FailureClass::overridable, "a cluster was already created here"},
    {"cluster.uuid", FailureClass::precondition, "the cluster's identity is set, missing or different"},
    {"cluster.self", FailureClass::precondition, "the own name was given as peer"},
    {"cluster.address", FailureClass::precondition, "an address contradicts the known one"},
    {"cluster.resources", FailureClass::overridable, "resources exist here before joining"},
    {"cluster.member", FailureClass::overridable, "still member of a resource"},
    {"res.missing", FailureClass::precondition, "no such resource"},
    {"res.notmember", FailureClass::overridable, "the host has not joined the resource"},
    {"res.remains-only", FailureClass::overridable, "only remains of a former membership exist"},
    {"res.exists", FailureClass::overridable, "the resource exists already"},
    {"res.joined", FailureClass::overridable, "the host has already joined the resource"},
    {"res.notempty", FailureClass::overridable, "the resource still has members"},
    {"res.remains", FailureClass::overridable, "old logs or version links of this host are left"},
    {"disk.missing", FailureClass::precondition, "no usable disk at the given path"},
    {"disk.size", FailureClass::precondition, "the disk is too small for the wanted size"},
    {"disk.busy", FailureClass::overridable, "the disk is in use"},
    {"disk.shrunk", FailureClass::overridable, "the disk has become smaller than the resource"},
    {"disk.toosmall", FailureClass::overridable, "the new replica's disk is smaller than the resource"},
    {"disk.signature", FailureClass::overridable, "the disk holds a filesystem, or something else that is known"},
    {"disk.error", FailureClass::precondition, "the disk cannot be opened or does not work"},
    {"disk.unproven", FailureClass::overridable, "nothing proves that the disk is the replica's"},
    {"disk.proven", FailureClass::precondition, "the disk is attached, and proven already"},
    {"sync.pending", FailureClass::precondition, "the copy to this host has not finished"},
    {"device.name", FailureClass::precondition, "another resource uses this device name"},
    {"device.inuse", FailureClass::overridable, "the device is in use"},
    {"device.blocked", FailureClass::precondition, "something else is where the device shall appear"},
    {"role.none", FailureClass::precondition, "no primary is designated"},
    {"role.isprimary", FailureClass::overridable, "the host is the actual primary"},
    {"role.designated", FailureClass::overridable, "the host is the designated primary"},
    {"role.flipping", FailureClass::overridable, "the role has changed a moment ago"},
    {"role.notprimary", FailureClass::precondition, "the host is not the primary"},
    {"role.lost", FailureClass::precondition, "another host has been made primary meanwhile"},
    {"role.waits", FailureClass::precondition, "the designated primary waits for something itself"},
    {"role.self", FailureClass::precondition, "the host itself is the designated primary"},
    {"role.unconfirmed", FailureClass::precondition, "nobody has agreed to what a forced switch gives up"},
    {"sync.self", FailureClass::precondition, "the own replica is inconsistent: its sync has not finished"},
    {"sync.peer", FailureClass::overridable, "another member is syncing"},
    {"emergency.primary", FailureClass::precondition, "the primary is in emergency mode"},
    {"emergency.self", FailureClass::precondition, "the host is in emergency mode"},
    {"todo.off", FailureClass::precondition, "a switch must be on"},
    {"todo.on", FailureClass::precondition, "a switch must be off"},
    {"actual.on", FailureClass::overridable, "something is still running"},
    {"replay.error", FailureClass::overridable, "the replay has stopped with an error"},
    {"replay.ahead", FailureClass::overridable, "this host has more than the primary, which is not at work"},
    {"replay.skip", FailureClass::overridable, "replay would leave logs out"},
    {"replay.link", FailureClass::precondition, "a replay link is missing or unreadable"},
    {"logs.none", FailureClass::precondition, "there are no logs to work on"},
    {"logs.race", FailureClass::precondition, "replay links kept changing"},
    {"wait.indicator", FailureClass::timeout, "an indicator did not reach the wanted value"},
    {"wait.device", FailureClass::timeout, "the device did not appear or disappear"},
    {"wait.cluster", FailureClass::timeout, "not all peers answered"},
    {"wait.phase", FailureClass::timeout, "a phase did not finish"},
    {"device.errlog", FailureClass::precondition, "an error was reported while waiting for the device"},
    {"view.macro", FailureClass::precondition, "a macro does not exist or cannot be evaluated"},
    {"hook.failed", FailureClass::overridable, "a hook of a plugin, or a hook program, has refused"},
    {"plugin.broken", FailureClass::precondition, "a plugin cannot be used"},
    {"plugin.failed", FailureClass::precondition, "a verb or primitive of a plugin has failed"},
    {"lua.error", FailureClass::precondition, "a program in Lua has failed"},
    {"unit.none", FailureClass::overridable, "no systemd units are configured for the resource"},
    {"unit.missing", FailureClass::overridable, "no template gives the unit, and nobody has installed it"},
    {"unit.template", FailureClass::precondition, "a systemd template cannot be used"},
    {"unit.write", FailureClass::system, "a generated systemd unit cannot be written"},
    {"unit.bus", FailureClass::system, "systemd cannot be talked to"},
    {"unit.target", FailureClass::overridable, "the host is not ready to run the application"},
    {"unit.job", FailureClass::precondition, "a job of systemd failed"},
    {"unit.stop", FailureClass::precondition, "the application was not stopped at the old primary"},
    {"unit.start", FailureClass::timeout, "the application did not start in time"},
    {"verb.forbidden", FailureClass::unsupported, "the verb makes no sense with MARS"},
    {"verb.nyi", FailureClass::unsupported, "not in this version"},
    {"verb.interrupted", FailureClass::internal, "cancelled by the user"},
    {"remote.ssh", FailureClass::remote, "a command on another host failed"},
    {"remote.timeout", FailureClass::timeout, "another host did not answer in time"},
    {"remote.uuid", FailureClass::remote, "the cluster's identity did not arrive"},
});

// A row of the table, chosen by name; an unknown name does not compile.
class Reason {
  public:
    consteval Reason(const char* name) : index_(find(name)) {}
    int index() const { return index_; }

  private:
    static consteval int find(std::string_view name) {
        for (std::size_t i = 0; i < kReasons.size(); ++i)
            if (kReasons[i].name == name) return static_cast<int>(i);
        throw "no such reason";
    }
    int index_;
};

// A refusal: `text` names resource, host, expected, found, and what to do now.
failure refusal(Reason reason, std::string text);
// The row of any failure; failures of the environment (errno values) count as sys.io or, for ENOSPC, sys.nospace.
const ReasonRow& reason_of(const failure& f);
bool has_reason(const failure& f, Reason reason);
// The letter of the specification: U S P F T X R I.
char class_letter(FailureClass failure_class);
// Spec: verbs 1.9.
int exit_code(FailureClass failure_class);
inline constexpr int kExitMixed = 5;

} // namespace mars::shell
