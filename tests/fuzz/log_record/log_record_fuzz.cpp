// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever a logfile contains, the scanner ends, stays within its windows, and sees the same through any window.
// Input: one byte of options, two bytes of window size, then either the bytes of a logfile, or (option) instructions
// for building one of good records that are damaged afterwards, which gets behind the checksums.
#include <algorithm>
#include <vector>

#include "kernel/format/log_record.hpp"
#include "kernel/format/log_scan.hpp"
#include "kernel/format/replay_code.hpp"
#include "tests/fuzz/check.hpp"

using namespace mars::format;
using mars::fuzz::check;
using mars::fuzz::Input;

namespace {

using Bytes = std::vector<std::byte>;

constexpr unsigned kUnchecked = 1;
constexpr unsigned kReplay = 2;
constexpr unsigned kBuild = 4;

struct End {
    std::uint64_t records = 0;
    ScanResult stop;
};

void check_record(const ScannedRecord& record, const Bytes& window) {
    check(record.pos >= 0 && record.stamp.nsec >= 0 && record.stamp.nsec < 1000000000, "values are possible");
    if (record.decompressed) {
        check(record.payload.size() + MARS_LOG_OVERHEAD > record.end - record.start, "compression has made it shorter");
        check(record.payload.data() == record.decompressed.get(), "the payload is the decompressed one");
        return;
    }
    check(record.payload.size() + MARS_LOG_OVERHEAD == record.end - record.start, "the payload fills its record");
    check(record.payload.data() >= window.data() &&
              record.payload.data() + record.payload.size() <= window.data() + window.size(),
          "the payload lies in the window");
}

End scan(const Bytes& file, std::size_t window_bytes, const ScanOptions& options) {
    LogScanner scanner(0, file.size(), options);
    End end;
    Bytes window;
    std::uint64_t expected = 0;
    for (;;) {
        auto step = scanner.next();
        if (step.kind == ScanKind::need_window) {
            const auto from = file.begin() + static_cast<std::ptrdiff_t>(scanner.position());
            const auto count = std::min(scanner.wanted_bytes(), window_bytes);
            window = Bytes(from, from + static_cast<std::ptrdiff_t>(count));
            scanner.feed(window);
            continue;
        }
        if (step.kind != ScanKind::record) {
            check(step.position == expected, "a stop is at the end of the last record");
            check(!ReplayCode::of(step).text().empty() && !step.text().empty(), "a stop can be told");
            end.stop = std::move(step);
            return end;
        }
        check(step.record->start == expected, "records have no gaps");
        check_record(*step.record, window);
        expected = step.record->end;
        ++end.records;
    }
}

// Makes records of pieces of the input, then changes some bytes of the log.
Bytes build_log(Input& input) {
    Bytes log;
    const unsigned count = input.byte() % 8;
    for (std::uint32_t seq = 1; seq <= count; ++seq) {
        const std::size_t wanted = input.number() % MARS_LOG_MAX_PAYLOAD + 1;
        const auto piece = input.take(wanted);
        Bytes payload(piece.begin(), piece.end());
        payload.resize(wanted, std::byte{7});
        const KindMask usable = static_cast<KindMask>(input.byte()) << MARS_LOG_KIND_SHIFT;
        const auto sum = choose_checksum(usable, payload);
        if (!sum) continue;
        append_record({MARS_LOG_CODE_WRITE_NEW, {seq, 0}, 0, seq}, payload, *sum, log);
    }
    check(scan(log, MARS_LOG_WINDOW, {}).stop.kind == ScanKind::finished, "what was written is read");
    while (!input.empty() && !log.empty()) {
        const std::size_t at = input.number() % log.size();
        log[at] = static_cast<std::byte>(input.byte());
    }
    return log;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const unsigned mode = input.byte();
    ScanOptions options;
    options.accept_unchecked = (mode & kUnchecked) != 0;
    if ((mode & kReplay) != 0) options.device_bytes = 1 << 20;
    // Any record fits a window of this size, so the windows must not make a difference.
    const std::size_t window_bytes = MARS_LOG_MAX_READ_RECORD + input.number();
    Bytes file;
    if ((mode & kBuild) != 0) {
        file = build_log(input);
    } else {
        const auto rest = input.rest();
        file.assign(rest.begin(), rest.end());
    }
    const auto small = scan(file, window_bytes, options);
    const auto large = scan(file, MARS_LOG_WINDOW, options);
    check(small.records == large.records, "the same records through any window");
    check(small.stop.kind == large.stop.kind && small.stop.code == large.stop.code &&
              small.stop.detail == large.stop.detail && small.stop.position == large.stop.position,
          "the same end through any window");
    return 0;
}
