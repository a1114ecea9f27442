// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/stderr_log.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace mars::env {

namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
    case LogLevel::debug:
        return spdlog::level::debug;
    case LogLevel::info:
        return spdlog::level::info;
    case LogLevel::warning:
        return spdlog::level::warn;
    case LogLevel::error:
        return spdlog::level::err;
    }
    return spdlog::level::err;
}

const char* journal_prefix(LogLevel level) {
    switch (level) {
    case LogLevel::debug:
        return "<7>";
    case LogLevel::info:
        return "<6>";
    case LogLevel::warning:
        return "<4>";
    case LogLevel::error:
        return "<3>";
    }
    return "<3>";
}

// $JOURNAL_STREAM names the device and inode that systemd gave us as stderr; somebody may have redirected it since.
bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat st {};
    if (!stream || ::fstat(STDERR_FILENO, &st) < 0) return false;
    return stream == std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
}

class StderrLog final : public Log {
  public:
    StderrLog(LogLevel least, bool journal)
        : journal_(journal), logger_("mars", std::make_shared<spdlog::sinks::stderr_sink_st>()) {
        logger_.set_level(spdlog_level(least));
        logger_.flush_on(spdlog::level::trace);
        logger_.set_pattern(journal ? "%v" : "%Y-%m-%d %H:%M:%S.%e %-7l %v");
    }

    void write(LogLevel level, std::string_view line) override {
        if (!logger_.should_log(spdlog_level(level))) return;
        std::string text = (journal_ ? journal_prefix(level) : "") + std::string(line);
        auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
        std::replace_if(text.begin(), text.end(), is_control, '?');
        logger_.log(spdlog_level(level), spdlog::string_view_t(text));
    }

  private:
    bool journal_;
    spdlog::logger logger_;
};

} // namespace

std::unique_ptr<Log> make_stderr_log(LogLevel least, LogFormat format) {
    bool journal = format == LogFormat::journal || (format == LogFormat::automatic && stderr_is_journal());
    return std::make_unique<StderrLog>(least, journal);
}

} // namespace mars::env
