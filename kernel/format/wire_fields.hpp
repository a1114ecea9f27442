// SPDX-License-Identifier: GPL-2.0-or-later
// Layout: the fields of a message in the order of the wire, as one table that is both written and read:
//     constexpr auto kHello = layout<Hello>(field(&Hello::host, Text{255}), field(&Hello::sent), check(is_legal));
// A codec is anything with put(Writer&, const T&), get(Reader&, T&) and least(), the bytes that a T takes at least.
// Reading stops at the first field, or check, that fails. Spec: docs/formats/wire.md.
// Tests: tests/unit/format/wire_fields_test.cpp, tests/unit/block/net_messages_test.cpp, tests/unit/tree.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "kernel/format/wire.hpp"

namespace mars::format {

// Of a fixed size, which the type tells: integers, bool, Stamp, arrays of bytes.
template<class T>
struct Value {
    static constexpr bool kIsArray = !std::is_integral_v<T> && !std::is_same_v<T, Stamp>;

    static constexpr std::size_t least() { return std::is_same_v<T, Stamp> ? 12 : sizeof(T); }
    static void put(Writer& writer, const T& value) {
        if constexpr (kIsArray) {
            writer.raw(value);
        } else {
            writer.put(value);
        }
    }
    static void get(Reader& reader, T& value) {
        if constexpr (kIsArray) {
            const auto bytes = reader.raw(value.size());
            std::copy(bytes.begin(), bytes.end(), value.begin());
        } else {
            reader.get(value);
        }
    }
};

// A length and at most `max` bytes.
struct Text {
    std::size_t max;

    static constexpr std::size_t least() { return sizeof(std::uint32_t); }
    static void put(Writer& writer, std::string_view text) { writer.string(text); }
    void get(Reader& reader, std::string& text) const { text = reader.string(max); }
};

// A count and at most `max` elements.
template<class Element>
struct List {
    Element element;
    std::size_t max;

    static constexpr std::size_t least() { return sizeof(std::uint32_t); }
    template<class T>
    void put(Writer& writer, const std::vector<T>& all) const {
        writer.u32(static_cast<std::uint32_t>(all.size()));
        for (const auto& one : all) element.put(writer, one);
    }
    template<class T>
    void get(Reader& reader, std::vector<T>& all) const {
        all.resize(reader.count(max, element.least()));
        for (auto& one : all) {
            if (!reader.ok()) return;
            element.get(reader, one);
        }
    }
};
template<class Element>
List(Element, std::size_t) -> List<Element>;

template<class Message, class Member, class Codec>
struct Field {
    Member Message::*member;
    Codec codec;

    constexpr std::size_t least() const { return codec.least(); }
    void put(Writer& writer, const Message& message) const { codec.put(writer, message.*member); }
    void get(Reader& reader, Message& message) const { codec.get(reader, message.*member); }
};

template<class Message, class Member, class Codec = Value<Member>>
constexpr auto field(Member Message::*member, Codec codec = {}) {
    return Field<Message, Member, Codec>{member, codec};
}

// As many elements as the fields before it say; no count is sent.
template<class Message, class T>
struct Following {
    std::vector<T> Message::*member;
    std::size_t (*count)(const Message&);

    static constexpr std::size_t least() { return 0; }
    void put(Writer& writer, const Message& message) const {
        for (const auto& one : message.*member) Value<T>::put(writer, one);
    }
    void get(Reader& reader, Message& message) const {
        const auto expected = count(message);
        for (std::size_t i = 0; i < expected && reader.ok(); ++i)
            Value<T>::get(reader, (message.*member).emplace_back());
    }
};

template<class Message, class T>
constexpr auto following(std::vector<T> Message::*member, std::size_t (*count)(const std::type_identity_t<Message>&)) {
    return Following<Message, T>{member, count};
}

// What must hold of the fields before it, else it calls fail(); no bytes.
template<class Message>
struct Check {
    void (*must_hold)(Reader&, const Message&);

    static constexpr std::size_t least() { return 0; }
    static void put(Writer&, const Message&) {}
    void get(Reader& reader, Message& message) const { must_hold(reader, message); }
};

template<class Message>
constexpr auto check(void (*must_hold)(Reader&, const Message&)) {
    return Check<Message>{must_hold};
}

// A codec of Message, also as a field of another one.
template<class Message, class... Fields>
struct Layout {
    std::tuple<Fields...> fields;

    constexpr std::size_t least() const {
        return std::apply([](const auto&... each) { return (std::size_t{0} + ... + each.least()); }, fields);
    }
    void put(Writer& writer, const Message& message) const {
        std::apply([&](const auto&... each) { (each.put(writer, message), ...); }, fields);
    }
    void get(Reader& reader, Message& message) const {
        const auto read = [&](const auto& one) {
            one.get(reader, message);
            return reader.ok();
        };
        std::apply([&](const auto&... each) { (void)(read(each) && ...); }, fields);
    }
    // `what`: the message's name, for failures (bad_message), as those of Reader::finish().
    result<Message> parse(std::string_view what, std::span<const std::byte> payload) const {
        Reader reader(payload);
        Message message{};
        get(reader, message);
        MARS_TRY_VOID(reader.finish(what));
        return message;
    }
};

template<class Message, class... Fields>
constexpr auto layout(Fields... fields) {
    return Layout<Message, Fields...>{{fields...}};
}

} // namespace mars::format
