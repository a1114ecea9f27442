// SPDX-License-Identifier: GPL-2.0-or-later
// Doctor: everything that is not all right on this host and, as far as is known here, in the cluster: what, why, and
// the commands to cure it. Pure: changes nothing, waits for nothing. Tests: tests/unit/shell/doctor_test.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shell/health/patient.hpp"

namespace mars::shell {

enum class Weight {
    warning, // works, but not as it should, or not for long
    error    // data are at risk, or something does not work
};

struct Finding {
    Weight weight;
    std::string_view check; // name of the row
    std::string resource;   // empty: the host as such
    std::string host;       // empty: the cluster as such
    std::string what;
    std::string why;                // may be empty
    std::vector<std::string> cures; // commands, or a sentence with one
};

// What a check sees, and where it puts what it finds.
struct Examination {
    const Patient& patient;
    std::string_view check;
    std::string resource; // empty for checks of hosts
    std::vector<std::string> hosts;
    std::vector<Finding>& found;

    void add(Weight weight, const std::string& host, std::string what, std::string why = {},
             std::vector<std::string> cures = {});
};

// One row of the table: looks at all hosts at once, or at one resource after the other.
struct Check {
    std::string_view name;
    std::string_view doc;
    bool is_of_resource;
    void (*examine)(Examination&);
};

// All rows, those of hosts first: checks_of_hosts, then checks_of_resources.
std::vector<Check> health_checks();
std::span<const Check> checks_of_hosts();
std::span<const Check> checks_of_resources();
std::span<const Check> checks_of_replicas();

// `only`: these resources and their hosts; empty: everything in the tree. What a silent host has told says as of when.
std::vector<Finding> examine(const Patient& patient, const std::vector<std::string>& only);
// 0 all right, 1 warnings, 2 errors.
int status_of(const std::vector<Finding>& found);
std::string report_of(const std::vector<Finding>& found);

// "TEXT; next: CURES" of messages and of others' sentences, taken apart.
struct Advice {
    std::string text;
    std::vector<std::string> cures;
};
Advice advice_of(std::string_view text);

} // namespace mars::shell
