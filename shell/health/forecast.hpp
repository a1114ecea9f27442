// SPDX-License-Identifier: GPL-2.0-or-later
// Forecast: when has each secondary caught up, and when is /mars full, at the present rates; or that nobody can know,
// and why. Pure. Tests: tests/unit/shell/forecast_test.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shell/health/patient.hpp"

namespace mars::shell {

// How much was written, by resource: to be taken twice, some seconds apart.
using WrittenSoFar = std::map<std::string, std::int64_t>;
WrittenSoFar written_so_far(const tree::View& view);

// What was written between two looks.
struct Measured {
    WrittenSoFar before, after;
    Duration taken{};

    // Bytes per second; nullopt: not measured.
    std::optional<double> rate(const std::string& resource) const;
};

// Bytes per second over the last day, by lengths and stamps of the version links; nullopt: too few of them.
std::optional<double> average_rate(const Patient& patient, const std::string& resource);

enum class Outlook {
    done,    // level; nothing fills up
    in_time, // after `in`
    never,   // not at this rate
    unknown  // nobody can know
};

struct Forecast {
    std::string what;     // "caught-up" or "mars-full"
    std::string resource; // empty for mars-full
    std::string host;
    Outlook outlook = Outlook::unknown;
    std::optional<std::int64_t> bytes; // that remain
    std::optional<double> rate;        // bytes per second by which they become fewer
    std::optional<Duration> in;
    std::string why; // of never and unknown; what the rate is made of
};

// Of each secondary of these resources, and of each of their hosts.
std::vector<Forecast> forecasts(const Patient& patient, const std::vector<std::string>& resources,
                                const Measured& measured);
std::string report_of(const std::vector<Forecast>& all, Stamp now);
std::string_view word_of(Outlook outlook);

} // namespace mars::shell
