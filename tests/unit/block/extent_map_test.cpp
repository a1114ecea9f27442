// SPDX-License-Identifier: GPL-2.0-or-later
// ExtentMap and ExtentWriter: newest data wins, every byte is written once, neighbours go together.
#include "kernel/block/extent_map.hpp"

#include "kernel/block/extent_writer.hpp"
#include "tests/unit/block/rig.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::test;
using block::ExtentMap;
using block::Piece;

namespace {

Piece piece_of(std::vector<std::byte> bytes) {
    auto owner = std::make_shared<std::vector<std::byte>>(std::move(bytes));
    Piece piece;
    piece.data = std::shared_ptr<const std::byte>(owner, owner->data());
    piece.bytes = owner->size();
    return piece;
}

constexpr std::size_t kSpace = 4096;

struct Model {
    std::vector<std::byte> bytes = std::vector<std::byte>(kSpace);
    std::vector<bool> known = std::vector<bool>(kSpace);

    void insert(std::uint64_t offset, const std::vector<std::byte>& data) {
        for (std::size_t i = 0; i < data.size(); ++i) {
            bytes[offset + i] = data[i];
            known[offset + i] = true;
        }
    }
    void compare(const ExtentMap& map, std::uint64_t begin = 0, std::uint64_t end = kSpace) const {
        std::vector<bool> seen(kSpace);
        std::uint64_t last = 0, total = 0;
        for (const auto& [at, piece] : map) {
            REQUIRE(piece.bytes > 0);
            REQUIRE(at >= last);
            last = at + piece.bytes;
            total += piece.bytes;
            REQUIRE(std::equal(piece.span().begin(), piece.span().end(), bytes.begin() + static_cast<long>(at)));
            for (std::size_t i = 0; i < piece.bytes; ++i) seen[at + i] = true;
        }
        REQUIRE(total == map.bytes());
        std::vector<bool> expected(kSpace);
        for (std::size_t i = begin; i < end; ++i) expected[i] = known[i];
        REQUIRE(seen == expected);
    }
};

// A device in memory that records its requests.
class Recorder final : public block::Device {
  public:
    explicit Recorder(Env& env) : env_(env) {}

    std::uint64_t size() const override { return bytes.size(); }
    task<result<void>> read(std::uint64_t, std::span<std::byte>) override { co_return result<void>(); }
    task<result<void>> write(std::uint64_t offset, std::span<const std::byte> data, bool) override {
        requests.emplace_back(offset, data.size());
        most_flying = std::max(most_flying, ++flying);
        co_await env_.clock().sleep(std::chrono::milliseconds(1 + env_.random().below(3)));
        --flying;
        if (offset >= fails_from) co_return failure(std::errc::io_error, "broken");
        std::copy(data.begin(), data.end(), bytes.begin() + static_cast<long>(offset));
        co_return result<void>();
    }
    task<result<void>> flush() override { co_return result<void>(); }

    std::vector<std::byte> bytes = std::vector<std::byte>(1 << 20);
    std::vector<std::pair<std::uint64_t, std::size_t>> requests;
    std::size_t flying = 0, most_flying = 0;
    std::uint64_t fails_from = ~std::uint64_t(0);

  private:
    Env& env_;
};

task<void> write_all(block::ExtentWriter& writer, const ExtentMap& map, result<void>& outcome) {
    outcome = co_await writer.write(map);
}

} // namespace

TEST_CASE("an extent map shows the newest data of every byte") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        INFO("seed " << seed);
        sim::SeededRandom random(seed);
        ExtentMap map;
        Model model;
        for (int i = 0; i < 60; ++i) {
            ExtentMap newer;
            const auto count = 1 + random.below(4);
            for (std::uint64_t k = 0; k < count; ++k) {
                const auto offset = random.below(kSpace - 1);
                const auto bytes = 1 + random.below(std::min<std::uint64_t>(kSpace - offset, 200));
                const auto data = random_bytes(random, bytes);
                model.insert(offset, data);
                (count == 1 ? map : newer).insert(offset, piece_of(data));
            }
            map.merge(std::move(newer));
            CHECK(newer.empty()); // NOLINT(bugprone-use-after-move): merge() promises it
            model.compare(map);
            const auto begin = random.below(kSpace), end = begin + random.below(kSpace - begin + 1);
            ExtentMap part;
            map.copy_range(begin, end, part);
            model.compare(part, begin, end);
        }
        for (std::size_t left = map.size(); left > 0; left = map.size()) {
            map.drop_first(7);
            CHECK(map.size() == (left > 7 ? left - 7 : 0));
        }
        CHECK(map.bytes() == 0);
    }
}

TEST_CASE("extents are written ascending, neighbours in one request, several at a time") {
    Rig rig(3);
    Recorder device(*rig.env);
    ExtentMap map;
    for (std::uint64_t block : {30U, 10U, 11U, 12U, 13U, 14U, 31U, 50U, 70U, 90U})
        map.insert(block * 4096, piece_of(random_bytes(rig.random(), 4096)));
    block::ExtentWriterOptions options;
    options.max_request_bytes = 3 * 4096;
    options.max_flying_bytes = 4 * 4096;
    options.max_requests = 8;
    block::ExtentWriter writer(*rig.env, device, options);
    result<void> outcome = failure(std::errc::io_error, "not yet");
    rig.run(write_all(writer, map, outcome));
    CHECK(outcome);
    using Requests = std::vector<std::pair<std::uint64_t, std::size_t>>;
    CHECK(device.requests == Requests{{10 * 4096, 3 * 4096},
                                      {13 * 4096, 2 * 4096},
                                      {30 * 4096, 2 * 4096},
                                      {50 * 4096, 4096},
                                      {70 * 4096, 4096},
                                      {90 * 4096, 4096}});
    CHECK(device.most_flying > 1);
    for (const auto& [at, piece] : map)
        CHECK(std::equal(piece.span().begin(), piece.span().end(), device.bytes.begin() + static_cast<long>(at)));
}

TEST_CASE("after a failed request no further one is started, and the failure is told") {
    Rig rig(4);
    Recorder device(*rig.env);
    device.fails_from = 20 * 4096;
    ExtentMap map;
    for (std::uint64_t block = 0; block < 200; block += 2)
        map.insert(block * 4096, piece_of(random_bytes(rig.random(), 4096)));
    block::ExtentWriterOptions options;
    options.max_requests = 4;
    block::ExtentWriter writer(*rig.env, device, options);
    result<void> outcome;
    rig.run(write_all(writer, map, outcome));
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().text == "broken");
    CHECK(device.flying == 0);
    CHECK(device.requests.size() < 20);
}
