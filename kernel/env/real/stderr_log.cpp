// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/env/real/stderr_log.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

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

// Never waits for whoever reads: a stopped terminal or journal must not stop devices. A write of at most PIPE_BUF bytes
// does not block when poll() has said that there is room. What finds none is kept, up to a limit, and then lost and
// counted.
class PatientSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit PatientSink(int fd) : fd_(fd) {}
    // The last lines of a program are the ones that people look for: they get a second.
    ~PatientSink() override {
        constexpr int kTries = 20, kWaitMs = 50;
        for (int i = 0; i < kTries && !lines_.empty(); ++i) {
            pollfd wanted{fd_, POLLOUT, 0};
            (void)::poll(&wanted, 1, kWaitMs);
            push();
        }
    }

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        push();
        if (bytes_ >= kMaxBytes) {
            ++lost_;
            return;
        }
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        keep(std::string(line.data(), line.size()));
        push();
    }
    void flush_() override { push(); }

  private:
    static constexpr std::size_t kMaxBytes = std::size_t(1) << 20;
    static constexpr std::size_t kAtOnce = 4096; // PIPE_BUF

    void keep(std::string line) {
        bytes_ += line.size();
        lines_.push_back(std::move(line));
    }

    void push() {
        while (!lines_.empty()) {
            pollfd wanted{fd_, POLLOUT, 0};
            if (::poll(&wanted, 1, 0) <= 0 || !(wanted.revents & POLLOUT)) return;
            auto& line = lines_.front();
            const auto written = ::write(fd_, line.data(), std::min(line.size(), kAtOnce));
            if (written < 0) return; // whoever has closed it does not want to know
            bytes_ -= static_cast<std::size_t>(written);
            line.erase(0, static_cast<std::size_t>(written));
            if (!line.empty()) continue;
            lines_.pop_front();
            if (lost_ > 0 && lines_.empty())
                keep(std::to_string(std::exchange(lost_, 0)) + " lines were lost here: nobody has read them in time\n");
        }
    }

    int fd_;
    std::deque<std::string> lines_;
    std::size_t bytes_ = 0;
    std::size_t lost_ = 0;
};

class StderrLog final : public Log {
  public:
    StderrLog(LogLevel least, bool journal, int fd)
        : journal_(journal), logger_("mars", std::make_shared<PatientSink>(fd)) {
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

    void flush() override { logger_.flush(); }

  private:
    bool journal_;
    spdlog::logger logger_;
};

} // namespace

std::unique_ptr<Log> make_stderr_log(LogLevel least, LogFormat format, int fd) {
    bool journal = format == LogFormat::journal || (format == LogFormat::automatic && stderr_is_journal());
    return std::make_unique<StderrLog>(least, journal, fd);
}

} // namespace mars::env
