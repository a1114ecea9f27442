// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/wire_fields.hpp"

#include <catch2/catch.hpp>

using namespace mars;
using namespace mars::format;

namespace {

struct Item {
    std::string name;
    std::uint16_t mask = 0;
};

struct Letter {
    std::uint64_t number = 0;
    bool more = false;
    Stamp sent;
    std::array<std::byte, 3> mark{};
    std::vector<Item> items;
    std::vector<std::uint32_t> sums; // one per item
};

constexpr auto kItem = layout<Item>(field(&Item::name, Text{5}), field(&Item::mask));
constexpr auto kLetter = layout<Letter>(field(&Letter::number), check<Letter>([](Reader& reader, auto& letter) {
                                            if (letter.number == 13) reader.fail("a number other than 13", "it");
                                        }),
                                        field(&Letter::more), field(&Letter::sent), field(&Letter::mark),
                                        field(&Letter::items, List{kItem, 2}),
                                        following(&Letter::sums, [](auto& letter) { return letter.items.size(); }));

Letter sample() {
    Letter letter;
    letter.number = 7;
    letter.more = true;
    letter.sent = Stamp{1, 2};
    letter.mark = {std::byte{1}, std::byte{2}, std::byte{3}};
    letter.items = {Item{"a", 1}, Item{"bc", 2}};
    letter.sums = {5, 6};
    return letter;
}

std::vector<std::byte> bytes_of(const Letter& letter) {
    Writer writer;
    kLetter.put(writer, letter);
    return writer.take();
}

} // namespace

TEST_CASE("a table of fields reads what it has written") {
    const auto parsed = kLetter.parse("letter", bytes_of(sample()));
    REQUIRE(parsed);
    CHECK(bytes_of(*parsed) == bytes_of(sample()));
    CHECK(parsed->items.at(1).name == "bc");
    CHECK(parsed->sums == std::vector<std::uint32_t>{5, 6});
}

TEST_CASE("the bytes are those of the fields in order") {
    Writer by_hand;
    by_hand.u64(7).boolean(true).stamp(Stamp{1, 2}).raw(sample().mark).u32(2).string("a").u16(1).string("bc").u16(2);
    by_hand.u32(5).u32(6);
    CHECK(bytes_of(sample()) == by_hand.take());
}

TEST_CASE("a cut, longer or unlawful message is refused, by its name and place") {
    const auto whole = bytes_of(sample());
    for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK_FALSE(kLetter.parse("letter", std::span(whole).first(length)));
    auto longer = whole;
    longer.push_back(std::byte{0});
    CHECK_FALSE(kLetter.parse("letter", longer));
    auto letter = sample();
    letter.number = 13;
    const auto unlawful = kLetter.parse("letter", bytes_of(letter));
    REQUIRE_FALSE(unlawful);
    CHECK(unlawful.error().text.find("letter: expected a number other than 13 at byte 8") != std::string::npos);
    letter = sample();
    letter.items.resize(3);
    letter.sums.resize(3);
    CHECK_FALSE(kLetter.parse("letter", bytes_of(letter))); // more elements than the table allows
    letter = sample();
    letter.items[0].name = "longer";
    CHECK_FALSE(kLetter.parse("letter", bytes_of(letter)));
}

TEST_CASE("the smallest size of a message follows from its table") {
    CHECK(kItem.least() == 4 + 2);
    CHECK(kLetter.least() == 8 + 1 + 12 + 3 + 4);
}
