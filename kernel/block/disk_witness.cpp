// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/block/disk_witness.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>
#include <cstring>
#include <set>

#include "kernel/block/digests.hpp"
#include "kernel/block/log_reader.hpp"
#include "kernel/format/replay_link.hpp"

namespace mars::block {

namespace {

constexpr std::string_view kHead = "mars-disk-witness 2";
constexpr std::size_t kSector = 512, kSumDigits = 16; // the first 64 bits of the sum of each sector
constexpr std::size_t kRecent = 256, kRandom = 64;
constexpr std::size_t kMostBlocks = 4096, kLeastBlocks = 64;
constexpr Duration kBudget = std::chrono::seconds(2);
constexpr Duration kLonger = std::chrono::seconds(10); // for records behind the position, when something differs
constexpr std::uint64_t kGeneration = std::uint64_t(16) << 20; // bytes of the device held in memory, twice

std::string hex(const ShortDigest& digest) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (auto byte : digest) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

failure bad(const std::string& what) {
    return failure(std::errc::invalid_argument, "the witness of the disk is damaged: " + what);
}

// Newest data by records: the last one or two generations of what was written, so that memory stays bounded.
struct Newest {
    ExtentMap map, older;

    void insert(std::uint64_t offset, Piece piece) {
        map.insert(offset, std::move(piece));
        if (map.bytes() < kGeneration) return;
        older = std::move(map);
        map = ExtentMap();
    }
    ExtentMap take() {
        older.merge(std::move(map));
        return std::move(older);
    }
};

// Calls visit(record, reader, log) for the records of [from, to) in this chain of logs; false when the chain does not
// reach from one to the other here. `to` without a value: to the end of all logs.
template<typename Visit>
env::task<bool> each_record(env::Env& env, const Disk& disk, const std::vector<WitnessLog>& logs,
                            format::LogPosition from, std::optional<format::LogPosition> to, Visit visit) {
    auto log = std::find_if(logs.begin(), logs.end(), [&](const auto& l) { return l.name == from.log; });
    for (auto start = from.pos; log != logs.end(); ++log, start = 0) {
        const bool is_last = to && log->name == to->log;
        const auto end = is_last ? to->pos : log->length;
        if (start > end) co_return false;
        if (start < end) {
            format::ScanOptions options;
            options.device_bytes = disk.size();
            auto reader = co_await LogReader::open(env, log->path, static_cast<std::uint64_t>(start),
                                                   static_cast<std::uint64_t>(end), options);
            if (!reader) co_return false;
            for (;;) {
                auto step = co_await (*reader)->next();
                if (!step) co_return false;
                if (step->kind != format::ScanKind::record) break;
                const auto& record = *step->record;
                if (record.code == MARS_LOG_CODE_WRITE_NEW) visit(record, **reader, log->name);
            }
            // A torn or damaged end behind the position says nothing; before it, the chain is broken.
            if (to && (*reader)->position() < static_cast<std::uint64_t>(end)) co_return false;
        }
        if (is_last) co_return true;
    }
    co_return !to;
}

std::string sums_of(std::span<const std::byte> block) {
    std::string sums;
    for (std::size_t at = 0; at < block.size(); at += kSector)
        sums += hex(xxh3_128(block.subspan(at, std::min(kSector, block.size() - at)))).substr(0, kSumDigits);
    return sums;
}

env::task<result<std::span<const std::byte>>> read_block(Disk& disk, std::uint64_t block, AlignedBuffer& buffer) {
    const auto offset = block * kBlockBytes;
    auto into = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(kBlockBytes, disk.size() - offset)));
    MARS_CO_TRY_VOID(co_await disk.read(offset, into));
    co_return std::span<const std::byte>(into);
}

// A block that is not what it was at the position. It may be what records behind the position have made of it, sector
// by sector: such writes may have been under way. Anything else it must not be.
class Doubt {
  public:
    explicit Doubt(std::string writer) : writer_(std::move(writer)) {}

    const std::string& writer() const { return writer_; }

    // `found` is on the disk from byte `begin` of the block on; `expected` should be.
    void compare(std::size_t begin, std::span<const std::byte> found, std::span<const std::byte> expected) {
        for (std::size_t i = 0; i < found.size();) {
            const auto bytes = std::min(kSector - (begin + i) % kSector, found.size() - i);
            if (std::memcmp(found.data() + i, expected.data() + i, bytes) != 0)
                open(begin + i, found.subspan(i, bytes));
            i += bytes;
        }
    }
    // As above, for all of the block; only the checksums are known.
    void compare_sums(std::span<const std::byte> found, std::string_view expected) {
        const auto sums = sums_of(found);
        for (std::size_t sector = 0; sector * kSector < found.size(); ++sector)
            if (sums.substr(sector * kSumDigits, kSumDigits) !=
                expected.substr(std::min(sector * kSumDigits, expected.size()), kSumDigits))
                open(sector * kSector,
                     found.subspan(sector * kSector, std::min(kSector, found.size() - sector * kSector)));
    }
    // A record behind the position wrote `data` at byte `begin` of the block.
    void explain(std::size_t begin, std::span<const std::byte> data) {
        for (std::size_t sector = (begin + kSector - 1) / kSector; (sector + 1) * kSector <= begin + data.size();
             ++sector) {
            const auto* written = data.data() + sector * kSector - begin;
            if (open_.test(sector) && std::memcmp(found_.data() + sector * kSector, written, kSector) == 0)
                open_.reset(sector);
        }
    }
    bool is_settled() const { return open_.none(); }

  private:
    void open(std::size_t begin, std::span<const std::byte> found) {
        std::copy(found.begin(), found.end(), found_.begin() + static_cast<std::ptrdiff_t>(begin));
        for (auto at = begin; at < begin + found.size(); at += kSector) open_.set(at / kSector);
    }

    std::string writer_;
    std::array<std::byte, kBlockBytes> found_{};
    std::bitset<kBlockBytes / kSector> open_; // sectors that nothing explains yet
};

// The blocks touched by [offset, offset + bytes).
template<typename Visit>
void each_block(std::uint64_t offset, std::uint64_t bytes, Visit visit) {
    for (auto block = offset / kBlockBytes; block * kBlockBytes < offset + bytes; ++block) visit(block);
}

bool is_in(const std::vector<WitnessLog>& logs, const format::LogName& name) {
    return std::any_of(logs.begin(), logs.end(), [&](const auto& log) { return log.name == name; });
}

} // namespace

std::string DiskWitness::text() const {
    std::string text(kHead);
    text += "\nat " + at.text() + "\nbytes " + std::to_string(disk_bytes) + "\nidentity " + identity + "\nattached " +
            attached.text() + "\n";
    for (auto& [block, sum] : sums) text += "sum " + std::to_string(block) + " " + sum + "\n";
    const auto seal = hex(xxh3_128(std::as_bytes(std::span(text))));
    return text + "seal " + seal + "\n";
}

result<DiskWitness> DiskWitness::parse(std::string_view text) {
    const auto end = text.rfind("seal ");
    if (end == std::string_view::npos || text.size() != end + 5 + 32 + 1 || !text.ends_with('\n'))
        return bad("it is cut off");
    const auto body = text.substr(0, end);
    if (hex(xxh3_128(std::as_bytes(std::span(body)))) != text.substr(end + 5, 32)) return bad("its checksum is wrong");
    DiskWitness witness;
    bool has_at = false;
    for (auto rest = body; !rest.empty();) {
        const auto newline = std::min(rest.find('\n'), rest.size());
        const auto line = rest.substr(0, newline);
        rest.remove_prefix(std::min(newline + 1, rest.size()));
        const auto blank = std::min(line.find(' '), line.size());
        const auto word = line.substr(0, blank);
        const auto value = line.substr(std::min(blank + 1, line.size()));
        if (line == kHead) continue;
        if (word == "at") {
            const auto at = format::LogPosition::parse(value);
            if (!at) return bad("'" + std::string(line) + "' is no position");
            witness.at = *at;
            has_at = true;
        } else if (word == "bytes") {
            const auto bytes = format::parse_bytes(value);
            if (!bytes) return bad("'" + std::string(line) + "' is no size");
            witness.disk_bytes = static_cast<std::uint64_t>(*bytes);
        } else if (word == "identity") {
            witness.identity = value;
        } else if (word == "attached") {
            if (const auto stamp = Stamp::parse(value)) witness.attached = *stamp;
        } else if (word == "sum") {
            const auto second = value.find(' ');
            const auto block = format::parse_bytes(value.substr(0, second));
            if (!block || second == std::string_view::npos || value.size() == second + 1 ||
                (value.size() - second - 1) % kSumDigits != 0)
                return bad("'" + std::string(line) + "' is no checksum");
            witness.sums.emplace(static_cast<std::uint64_t>(*block), value.substr(second + 1));
        }
    }
    if (!has_at) return bad("it has no position");
    return witness;
}

env::task<result<DiskWitness>> take_witness(env::Env& env, Disk& disk, WitnessQuestion now,
                                            std::optional<DiskWitness> before) {
    DiskWitness witness;
    witness.at = now.position;
    witness.disk_bytes = disk.size();
    witness.identity = env.storage().identity(disk.path());
    witness.attached = before ? before->attached : env.clock().now();
    std::vector<std::uint64_t> recent; // a fair sample of what the records wrote
    std::uint64_t seen = 0;
    auto note = [&](std::uint64_t block) {
        if (recent.size() < kRecent)
            recent.push_back(block);
        else if (const auto place = env.random().below(seen + 1); place < kRecent)
            recent[static_cast<std::size_t>(place)] = block;
        ++seen;
    };
    auto visit = [&](const format::ScannedRecord& record, LogReader&, const format::LogName&) {
        each_block(static_cast<std::uint64_t>(record.pos), record.payload.size(), note);
    };
    if (before && is_in(now.logs, before->at.log))
        (void)co_await each_record(env, disk, now.logs, before->at, now.position, visit);
    std::set<std::uint64_t> blocks(recent.begin(), recent.end());
    const auto all = (disk.size() + kBlockBytes - 1) / kBlockBytes;
    for (std::size_t i = 0; i < kRandom; ++i) blocks.insert(env.random().below(all));
    blocks.insert(0); // a filesystem's first block: whoever mounts it writes it
    AlignedBuffer buffer(kBlockBytes);
    for (auto block : blocks) {
        if (block >= all) continue;
        MARS_CO_TRY(const auto found, co_await read_block(disk, block, buffer));
        witness.sums.emplace(block, sums_of(found));
    }
    // What was read may have been written a moment ago, and be lost in a crash: from here on, it can only become newer.
    MARS_CO_TRY_VOID(co_await disk.flush());
    co_return witness;
}

env::task<result<DiskProof>> prove_disk(env::Env& env, Disk& disk, WitnessQuestion now, DiskWitness witness) {
    DiskProof proof;
    const auto began = env.clock().steady();
    // What the records say of the newest content.
    auto from = is_in(now.logs, witness.at.log) ? witness.at : format::LogPosition{now.position.log, 0};
    Newest newest;
    std::set<std::uint64_t> written; // blocks whose checksum is older than their content
    auto visit = [&](const format::ScannedRecord& record, LogReader& reader, const format::LogName&) {
        const auto offset = static_cast<std::uint64_t>(record.pos);
        newest.insert(offset, reader.share(record));
        each_block(offset, record.payload.size(), [&](std::uint64_t block) { written.insert(block); });
    };
    // An earlier position than the witness's: /mars is older than the disk, or replay has begun anew.
    const bool goes_back = format::compare_progress(now.position, witness.at) < 0;
    bool has_chain = !goes_back && co_await each_record(env, disk, now.logs, from, now.position, visit);
    if (!has_chain && !goes_back && is_in(now.logs, now.position.log)) { // a log between is gone: what is left of them
        from = format::LogPosition{now.position.log, 0};
        newest = Newest();
        has_chain = co_await each_record(env, disk, now.logs, from, now.position, visit);
    }
    const bool has_sums = has_chain && from == witness.at;
    const auto extents = has_chain ? newest.take() : ExtentMap();

    std::map<std::uint64_t, Doubt> differing; // by block
    auto is_enough = [&] {
        return proof.compared >= kMostBlocks ||
               (proof.compared >= kLeastBlocks && env.clock().steady() - began >= kBudget);
    };
    AlignedBuffer buffer(kBlockBytes);
    if (has_sums || goes_back)
        for (auto& [block, sum] : witness.sums) {
            if (is_enough()) break;
            if (written.contains(block) || block * kBlockBytes >= disk.size()) continue;
            MARS_CO_TRY(const auto found, co_await read_block(disk, block, buffer));
            ++proof.compared;
            Doubt doubt("");
            doubt.compare_sums(found, sum);
            if (!doubt.is_settled()) differing.emplace(block, std::move(doubt));
        }
    AlignedBuffer piece_buffer(std::size_t(1) << 20);
    for (auto& [offset, piece] : extents) {
        for (std::size_t done = 0; done < piece.bytes && !is_enough();) {
            const auto count = std::min(piece.bytes - done, piece_buffer.size());
            auto into = piece_buffer.first(count);
            MARS_CO_TRY_VOID(co_await disk.read(offset + done, into));
            for (std::size_t i = 0; i < count;) { // block by block of the device
                const auto at = offset + done + i;
                const auto part = std::min<std::uint64_t>(block_floor(at) + kBlockBytes - at, count - i);
                const auto bytes = static_cast<std::size_t>(part);
                const auto expected = piece.span().subspan(done + i, bytes);
                if (std::memcmp(into.data() + i, expected.data(), bytes) != 0)
                    differing.try_emplace(at / kBlockBytes, now.position.log.host)
                        .first->second.compare(at % kBlockBytes, into.subspan(i, bytes), expected);
                ++proof.compared;
                i += bytes;
            }
            done += count;
        }
    }
    if (differing.empty()) co_return proof;
    // Only now it pays to read what is behind the position.
    const auto late = env.clock().steady() + kLonger;
    auto explain = [&](const format::ScannedRecord& record, LogReader&, const format::LogName&) {
        if (env.clock().steady() >= late) return;
        const auto offset = static_cast<std::uint64_t>(record.pos);
        each_block(offset, record.payload.size(), [&](std::uint64_t block) {
            const auto doubt = differing.find(block);
            if (doubt == differing.end()) return;
            const auto begin = std::max(offset, block * kBlockBytes);
            const auto end = std::min(offset + record.payload.size(), (block + 1) * kBlockBytes);
            doubt->second.explain(begin % kBlockBytes, record.payload.subspan(begin - offset, end - begin));
        });
    };
    (void)co_await each_record(env, disk, now.logs, now.position, std::nullopt, explain);
    std::erase_if(differing, [](const auto& entry) { return entry.second.is_settled(); });
    if (differing.empty()) co_return proof;
    DiskMismatch mismatch;
    mismatch.offset = differing.begin()->first * kBlockBytes;
    mismatch.writer = differing.begin()->second.writer();
    mismatch.differing = differing.size();
    mismatch.compared = proof.compared;
    proof.mismatch = mismatch;
    co_return proof;
}

} // namespace mars::block
