// SPDX-License-Identifier: GPL-2.0-or-later
// Systemd: what verbs need of the systemd of this host, and of its processes. Real: sd_bus_systemd.*; tests have a
// fake; where there is none (simulation), everything about units is off. Failures name the unit, how its job ended, and
// what to look at next: unit.job, unit.bus, unit.write.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/stamp.hpp"
#include "kernel/env/task.hpp"
#include "shell/systemd/templates.hpp"

namespace mars::shell::systemd {

// What systemd knows of one unit.
struct UnitState {
    std::string load;   // "loaded", "not-found", …
    std::string active; // "active", "inactive", "failed", "activating", "deactivating"
    std::string sub;    // "running", "mounted", …
    std::string file;   // "enabled", "enabled-runtime", "static", "disabled", "masked", empty without a file
    Duration active_for = Duration::max(); // since its last start; as long as can be, if that is not known
    std::string job;                       // that waits or goes on: "start", "stop", "restart", …; empty: none
    bool is_passing = false;               // Type=oneshot without RemainAfterExit=: never active for long

    bool is_loaded() const { return load == "loaded"; }
    bool is_active() const { return active == "active" || active == "reloading"; }
    // Somebody has ordered its end, even if it is still active.
    bool shall_end() const { return job == "stop" || job == "restart" || job == "try-restart"; }
    bool is_down() const { return active == "inactive" || active == "failed"; }
    // May it be started? A unit that somebody has switched off is left alone.
    bool is_startable() const { return file != "disabled" && file != "masked" && file != "masked-runtime"; }
};

// What a unit needs for its start, as systemd has read it, with all drop-ins and specifiers.
struct UnitNeeds {
    std::string load;                     // as in UnitState
    std::string load_error;               // in systemd's words, when it is not loaded
    std::string file;                     // as in UnitState
    std::vector<std::string> units;       // Requires=, Requisite=, BindsTo=
    std::vector<std::string> programs;    // of Exec…=, unless a failure is ignored ("-")
    std::vector<std::string> search_path; // ExecSearchPath=
    std::vector<std::string> files;       // EnvironmentFile=, unless it may be missing ("-")
    std::string directory;                // WorkingDirectory=; '!' in front: it may be missing; "~": of the user
    std::string user, group;              // unless systemd makes them (DynamicUser=)
    bool has_own_root = false;            // paths are not those of the host
    std::string mount_point, filesystem;  // of a mount

    bool is_loaded() const { return load == "loaded"; }
};

// What is found at a path, by what it can serve for.
enum class PathKind {
    missing,        // but directories can be made there
    blocked,        // something above it is no directory
    linked,         // there is a symbolic link in it, or at its end (asked for places only)
    directory,      // empty, nothing is mounted there
    used_directory, // with files in it
    mounted,        // something is mounted there
    program,        // may be executed
    no_interpreter, // a script whose first line names a program that is not there
    file,           // may not be executed
};

// Asked at the same time, as answering may block.
struct HostQuestions {
    std::vector<std::string> programs; // absolute paths
    std::vector<std::string> places;   // likewise
    std::vector<std::string> users, groups;
    std::vector<std::string> filesystems;
};

struct HostFacts {
    std::map<std::string, PathKind> programs, places;
    std::set<std::string> unknown_users, unknown_groups;
    std::set<std::string> unknown_filesystems; // neither the kernel nor its modules nor a mount helper
};

// start_alone: without starting what the unit needs, nor preventing anybody from stopping that; fails when it is not
// active.
enum class JobKind { start, stop, restart, start_alone };

// A file to be put where systemd finds it.
struct UnitFile {
    std::string path;
    std::string content;
    unsigned mode = 0444;
    std::int64_t mtime = 0;
};

class Systemd {
  public:
    virtual ~Systemd() = default;

    virtual const Settings& settings() const = 0;
    // Is this process a child of pid 1, or below a cluster manager ($SYSTEMD_RECURSIVE_CALL)? Then verbs must not call
    // systemd in their turn.
    virtual bool is_our_caller() = 0;

    virtual result<void> install(const UnitFile& file) = 0; // atomically; makes the directory
    virtual result<void> uninstall(const std::string& path) = 0;

    virtual env::task<result<void>> reload() = 0;
    virtual env::task<result<UnitState>> state(std::string unit) = 0;
    virtual env::task<result<UnitNeeds>> needs(std::string unit) = 0;
    virtual env::task<HostFacts> look_at(HostQuestions questions) = 0;
    // Queues the job and waits for its end, at most for `limit`. `should_go_on` is asked now and then; false ends the
    // wait early, as a failure with errc::operation_canceled; a job that takes longer is one with errc::timed_out,
    // which does not say how long it was: only the caller knows how long the whole has taken (activation.cpp). The job
    // itself goes on in both cases.
    virtual env::task<result<void>> run_job(JobKind kind, std::string unit, Duration limit,
                                            std::function<bool()> should_go_on) = 0;
    // Until the next boot: the files are gone then, too.
    virtual env::task<result<void>> enable(std::string unit) = 0;
    virtual env::task<result<void>> disable(std::string unit) = 0;
    virtual env::task<result<void>> reset_failed(std::string unit) = 0;
    // A generated script: PATH OPERATION. Its exit status.
    virtual env::task<result<int>> run_script(std::string path, std::string operation, Duration limit) = 0;

    // Who uses a block device or a filesystem on it: "mounted on /vol/db", "postgres (pid 417) in /vol/db".
    virtual env::task<std::vector<std::string>> users_of(std::string device) = 0;
};

std::string_view job_name(JobKind kind);

} // namespace mars::shell::systemd
