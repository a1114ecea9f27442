// SPDX-License-Identifier: GPL-2.0-or-later
// Log: what marsd tells people while it runs. A line is "event key=value …", with the resource or peer first.
// Library code returns failures instead; only the outermost caller logs, once.
#pragma once

#include <string_view>

namespace mars::env {

enum class LogLevel { debug, info, warning, error };

class Log {
  public:
    virtual ~Log() = default;
    virtual void write(LogLevel level, std::string_view line) = 0;
    // Writes what is still kept because nobody had made room for it, as far as there is room now.
    virtual void flush() {}

    void debug(std::string_view line) { write(LogLevel::debug, line); }
    void info(std::string_view line) { write(LogLevel::info, line); }
    void warning(std::string_view line) { write(LogLevel::warning, line); }
    void error(std::string_view line) { write(LogLevel::error, line); }
};

} // namespace mars::env
