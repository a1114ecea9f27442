// SPDX-License-Identifier: GPL-2.0-or-later
// Value: what a macro expression yields. Always a string for the macro; an integer result is kept as such until
// somebody needs its text, and constant text is only borrowed from the parsed macro. A borrowed value is valid while
// the macro it came from lives; keep() makes it independent.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "macros/language/number.hpp"

namespace mars::macros {

class Value {
  public:
    enum class Kind : std::uint8_t { borrowed, owned, integer };
    // Room for the text of an integer.
    using Buffer = char[24];

    Value() = default;
    Value(const Value& other) { *this = other; }
    Value(Value&& other) noexcept { *this = std::move(other); }
    Value& operator=(const Value& other) {
        kind_ = other.kind_;
        integer_ = other.integer_;
        view_ = other.view_;
        if (kind_ == Kind::owned) text_ = other.text_;
        return *this;
    }
    Value& operator=(Value&& other) noexcept {
        kind_ = other.kind_;
        integer_ = other.integer_;
        view_ = other.view_;
        if (kind_ == Kind::owned) {
            text_.swap(other.text_);
            other.clear();
        }
        return *this;
    }

    void clear() {
        kind_ = Kind::borrowed;
        view_ = {};
    }
    void borrow(std::string_view text) {
        kind_ = Kind::borrowed;
        view_ = text;
    }
    void set(std::int64_t number) {
        kind_ = Kind::integer;
        integer_ = number;
    }
    void set(std::string text) {
        kind_ = Kind::owned;
        text_ = std::move(text);
    }
    void set(const Number& number) {
        if (number.fits_signed())
            set(number.as_signed());
        else
            number.append_to(own());
    }
    void set_flag(bool flag) { borrow(flag ? "1" : ""); }
    // An empty text of one's own, to be filled by the caller.
    std::string& own() {
        kind_ = Kind::owned;
        text_.clear();
        return text_;
    }
    // The text of one's own, with the present content.
    std::string& edit() {
        keep();
        if (kind_ == Kind::integer) {
            Buffer buffer;
            std::string_view digits = view(buffer);
            text_.assign(digits);
            kind_ = Kind::owned;
        }
        return text_;
    }
    void keep() {
        if (kind_ != Kind::borrowed) return;
        text_.assign(view_);
        kind_ = Kind::owned;
    }

    // Empty, without looking at a text of its own: the usual result of what only has an effect.
    bool is_nothing() const { return kind_ == Kind::borrowed && view_.empty(); }
    std::size_t text_bytes() const { return kind_ == Kind::integer ? 0 : as_text().size(); }
    bool is_integer() const { return kind_ == Kind::integer; }
    std::int64_t integer() const { return integer_; }

    // False are exactly the empty text and "0".
    bool truth() const {
        if (kind_ == Kind::integer) return integer_ != 0;
        std::string_view t = kind_ == Kind::owned ? std::string_view(text_) : view_;
        return !(t.empty() || (t.size() == 1 && t.front() == '0'));
    }
    std::string_view view(Buffer& buffer) const {
        if (kind_ == Kind::borrowed) return view_;
        if (kind_ == Kind::owned) return text_;
        auto end = std::to_chars(buffer, buffer + sizeof buffer, integer_);
        return {buffer, static_cast<std::size_t>(end.ptr - buffer)};
    }
    std::string str() const {
        Buffer buffer;
        return std::string(view(buffer));
    }
    std::string take() {
        if (kind_ == Kind::owned) return std::move(text_);
        return str();
    }
    void append_to(std::string& out) const {
        Buffer buffer;
        out += view(buffer);
    }
    Number number() const { return kind_ == Kind::integer ? Number::integer(integer_) : Number::parse(as_text()); }
    Number operand() const { return kind_ == Kind::integer ? Number::integer(integer_) : Number::operand(as_text()); }

  private:
    std::string_view as_text() const { return kind_ == Kind::owned ? std::string_view(text_) : view_; }

    Kind kind_ = Kind::borrowed;
    std::int64_t integer_ = 0;
    std::string_view view_;
    std::string text_;
};

// What conditions and flags call true: everything but "" and "0".
inline bool is_true(std::string_view text) {
    return !text.empty() && text != "0";
}

} // namespace mars::macros
