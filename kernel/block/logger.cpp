// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/logger.hpp"

#include <algorithm>

#include "kernel/block/aligned_buffer.hpp"
#include "kernel/block/block_range.hpp"

namespace mars::block {

namespace {

constexpr std::uint64_t kMaxPieceBytes = 1 << 20; // of a write that is staged in one go

class LoggerProvider final : public WritePathProvider {
  public:
    LoggerProvider(env::Env& env, MemoryBudget& budget) : env_(env), budget_(budget) {}

    env::task<result<std::unique_ptr<WritePath>>> start(WritePathSetup setup) override {
        MARS_CO_TRY(auto file, co_await LogFile::create(env_, setup.directory, std::move(setup.log)));
        LoggerOptions options;
        options.resource = std::move(setup.resource);
        options.directory = std::move(setup.directory);
        options.stamp = std::move(setup.stamp);
        options.kinds = std::move(setup.kinds);
        std::unique_ptr<WritePath> made =
            std::make_unique<Logger>(env_, *setup.disk, budget_, std::move(file), std::move(options));
        co_return std::move(made);
    }

  private:
    env::Env& env_;
    MemoryBudget& budget_;
};

} // namespace

std::unique_ptr<WritePathProvider> make_logger_provider(env::Env& env, MemoryBudget& budget) {
    return std::make_unique<LoggerProvider>(env, budget);
}

// Counts a write from its acceptance to its end, so that stop() can wait for it.
class Logger::ActiveWrite {
  public:
    explicit ActiveWrite(Logger& logger) : logger_(logger) { ++logger_.active_writes_; }
    ActiveWrite(const ActiveWrite&) = delete;
    ActiveWrite& operator=(const ActiveWrite&) = delete;
    ~ActiveWrite() {
        if (--logger_.active_writes_ == 0) logger_.idle_.notify();
    }

  private:
    Logger& logger_;
};

Logger::Logger(env::Env& env, Device& disk, MemoryBudget& budget, LogFile log, LoggerOptions options)
    : env_(env), disk_(disk), account_(budget), options_(std::move(options)), buffer_(env.lot(), account_),
      log_writer_(env, buffer_), writeback_(env, disk, buffer_, budget, log_writer_, options_.writeback),
      changed_(env.lot()), idle_(env.lot()), log_task_(env), writeback_task_(env) {
    logs_.push_back(std::make_shared<OpenLog>(std::move(log)));
    buffer_.start_log(logs_.back());
    log_writer_.on_progress = [this] { on_commit(); };
    writeback_.on_progress = [this] { on_writeback(); };
    writeback_.is_urgent = [this](const OpenLog& open) { return stopping_ || &open != logs_.back().get(); };
    log_task_.spawn(options_.resource + " log writer", log_writer_.run());
    writeback_task_.spawn(options_.resource + " writeback", writeback_.run());
}

Logger::~Logger() = default;

env::task<result<void>> Logger::read(std::uint64_t offset, std::span<std::byte> into) {
    MARS_CO_TRY_VOID(check_range(options_.resource, size(), offset, into.size()));
    ++counters_.reads;
    counters_.read_bytes += into.size();
    const BufferView view = buffer_.view(offset, into.size());
    if (view.covers_all())
        ++counters_.reads_from_buffer;
    else
        MARS_CO_TRY_VOID(co_await disk_.read(offset, into));
    view.copy_to(into);
    co_return result<void>();
}

env::task<result<void>> Logger::write(std::uint64_t offset, std::span<const std::byte> data, bool) {
    MARS_CO_TRY_VOID(check_range(options_.resource, size(), offset, data.size()));
    MARS_CO_TRY_VOID(accepts_writes());
    if (data.empty()) co_return result<void>();
    const ActiveWrite active(*this);
    const Stamp stamp = options_.stamp();
    ++counters_.writes;
    counters_.written_bytes += data.size();
    std::shared_ptr<Batch> batch;
    while (!data.empty()) {
        const std::size_t bytes = std::min(piece_bytes() - offset % kBlockBytes, data.size());
        const std::uint64_t charge = WriteBuffer::charge_of(offset, bytes);
        const bool is_taken = !is_too_much(charge) && account_.try_take(charge);
        if (!is_taken) MARS_CO_TRY_VOID(co_await take_memory(charge));
        const Duration start = env_.clock().steady();
        batch = buffer_.stage(offset, data.first(bytes), stamp, options_.kinds());
        counters_.encode_time += env_.clock().steady() - start;
        log_writer_.wake();
        offset += bytes;
        data = data.subspan(bytes);
    }
    while (!batch->outcome) co_await batch->finished.wait(); // earlier batches end before this one
    co_return *batch->outcome;
}

env::task<result<void>> Logger::flush() {
    // Every completed write is durable in the log already.
    if (log_writer_.failed()) co_return *log_writer_.failed();
    co_return result<void>();
}

result<void> Logger::accepts_writes() const {
    if (log_writer_.failed()) return *log_writer_.failed();
    if (stopping_)
        return failure(std::errc::operation_canceled, "resource " + options_.resource + " is no primary any more");
    return {};
}

// Waits for memory. What is buffered cannot get to a failed disk, so nobody waits for that.
env::task<result<void>> Logger::take_memory(std::uint64_t charge) {
    if (writeback_.failed()) co_return *writeback_.failed();
    const bool granted = co_await account_.take(charge);
    if (log_writer_.failed()) {
        if (granted) account_.give_back(charge);
        co_return *log_writer_.failed();
    }
    if (granted) co_return result<void>();
    if (writeback_.failed()) co_return *writeback_.failed();
    co_return failure(std::errc::operation_canceled, "write to resource " + options_.resource + " was interrupted");
}

// What a failed disk keeps in memory is no more than what is guaranteed to this resource.
bool Logger::is_too_much(std::uint64_t charge) const {
    return writeback_.failed() && account_.used() + charge > account_.budget().share();
}

// Bytes that are staged in one go: little enough to fit this resource's share.
std::size_t Logger::piece_bytes() const {
    return std::clamp<std::size_t>(block_floor(account_.budget().share() / 4), kBlockBytes, kMaxPieceBytes);
}

env::task<result<void>> Logger::switch_to(LogFile next) {
    while (logs_.size() > 1 && !failed() && !stopping_) co_await changed_.wait();
    if (auto broken = failed()) co_return *broken;
    MARS_CO_TRY_VOID(accepts_writes());
    const auto& now = logs_.back()->name;
    if (next.name().seq <= now.seq)
        co_return failure(std::errc::invalid_argument, "resource " + options_.resource + ": expected a log behind " +
                                                           now.text() + ", found " + next.name().text());
    logs_.push_back(std::make_shared<OpenLog>(std::move(next)));
    buffer_.start_log(logs_.back());
    close_written_back();
    writeback_.wake();
    changed_.notify();
    co_return result<void>();
}

env::task<result<void>> Logger::rotate(format::LogName next) {
    MARS_CO_TRY(auto file, co_await LogFile::create(env_, options_.directory, std::move(next)));
    MARS_CO_TRY_VOID(co_await switch_to(std::move(file)));
    co_return result<void>();
}

env::task<result<void>> Logger::stop() {
    stopping_ = true;
    changed_.notify();
    writeback_.wake(); // writes that wait for memory need it
    while (active_writes_ > 0) co_await idle_.wait();
    log_writer_.finish();
    co_await log_task_.join();
    writeback_.drain();
    co_await writeback_task_.join();
    co_await close_logs();
    changed_.notify();
    if (auto broken = failed()) co_return *broken;
    co_return result<void>();
}

// A failed commit may have left bytes behind the durable end. They must not be taken for a part of the log later, when
// others continue from the durable end.
env::task<void> Logger::close_logs() {
    for (auto& log : logs_) {
        if (log_writer_.failed()) {
            auto cut = co_await log->file->cut(log->durable);
            if (!cut) env_.log().error("resource " + options_.resource + ": " + cut.error().text);
        }
        log->file.reset();
    }
}

void Logger::on_commit() {
    if (log_writer_.failed()) {
        account_.give_up();
        buffer_.drop_batches(*log_writer_.failed());
    }
    close_written_back();
    writeback_.wake();
    changed_.notify();
}

void Logger::on_writeback() {
    if (writeback_.failed()) account_.give_up();
    close_written_back();
    changed_.notify();
}

// Closes the old log when nothing of it is on the way any more. The last log stays.
void Logger::close_written_back() {
    while (logs_.size() > 1) {
        const OpenLog& oldest = *logs_.front();
        if (buffer_.has_batches_of(oldest) || buffer_.has_layers_of(oldest)) return;
        if (oldest.written_back != oldest.staged) return; // its batches were dropped
        finished_.push_back(progress_of(oldest));
        logs_.pop_front();
    }
}

LogProgress Logger::progress_of(const OpenLog& log) {
    LogProgress progress;
    progress.log = log.name;
    progress.min = log.written_back;
    progress.dirty = std::max(log.round_end, log.written_back) - log.written_back;
    progress.durable = log.durable;
    progress.end = log.staged;
    return progress;
}

std::vector<LogProgress> Logger::open_logs() const {
    std::vector<LogProgress> all;
    for (const auto& log : logs_) all.push_back(progress_of(*log));
    return all;
}

std::optional<failure> Logger::failed() const {
    if (log_writer_.failed()) return log_writer_.failed();
    return writeback_.failed();
}

WriteCounters Logger::counters() const {
    WriteCounters all = counters_;
    all.commit = log_writer_.counters();
    all.writeback = writeback_.counters();
    return all;
}

} // namespace mars::block
