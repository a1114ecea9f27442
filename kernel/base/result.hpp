// SPDX-License-Identifier: GPL-2.0-or-later
// result<T>: a value, or a failure that tells an operator what happened and what to do.
// The offered subset equals std::expected's, so that it can become an alias one day.
// Expected outcomes (end of log, not found, refused) are values of their own, not failures.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

namespace mars {

// What went wrong. `text` is a whole sentence or clause for people: it names the object, what was expected, what was
// found and what to do now. `code` is for programs: usually an errno value (std::errc).
struct failure {
    std::error_code code;
    std::string text;

    failure(std::errc c, std::string t) : code(std::make_error_code(c)), text(std::move(t)) {}
    failure(std::error_code c, std::string t) : code(c), text(std::move(t)) {}

    bool is(std::errc c) const { return code == c; }
    // The same failure with context in front: "CONTEXT: text".
    failure with(std::string_view context) const { return {code, std::string(context) + ": " + text}; }
};

// A failure from errno `number`; the text becomes "WHAT: strerror".
failure errno_failure(int number, std::string_view what);

[[noreturn]] void panic(std::string_view what);

template<class T>
class [[nodiscard]] result {
  public:
    using value_type = T;

    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    result(failure f) : state_(std::in_place_index<1>, std::move(f)) {}

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    T& value() & {
        if (!has_value()) panic("result::value() on a failure: " + error().text);
        return std::get<0>(state_);
    }
    const T& value() const& {
        if (!has_value()) panic("result::value() on a failure: " + error().text);
        return std::get<0>(state_);
    }
    T&& value() && { return std::move(value()); }

    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(value()); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    const failure& error() const {
        if (has_value()) panic("result::error() on a value");
        return std::get<1>(state_);
    }
    T value_or(T other) const { return has_value() ? value() : std::move(other); }

  private:
    std::variant<T, failure> state_;
};

template<>
class [[nodiscard]] result<void> {
  public:
    using value_type = void;

    result() = default;
    result(failure f) : state_(std::in_place_index<1>, std::move(f)) {}

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }
    void value() const {
        if (!has_value()) panic("result::value() on a failure: " + error().text);
    }
    const failure& error() const {
        if (has_value()) panic("result::error() on a value");
        return std::get<1>(state_);
    }

  private:
    std::variant<std::monostate, failure> state_;
};

} // namespace mars

#define MARS_CONCAT2(a, b) a##b
#define MARS_CONCAT(a, b) MARS_CONCAT2(a, b)

// MARS_TRY(auto x, f()): declares x from the value of f(), or returns its failure.
#define MARS_TRY(decl, expr)                                                                                           \
    auto MARS_CONCAT(mars_try_, __LINE__) = (expr);                                                                    \
    if (!MARS_CONCAT(mars_try_, __LINE__)) return MARS_CONCAT(mars_try_, __LINE__).error();                            \
    decl = *std::move(MARS_CONCAT(mars_try_, __LINE__))

// MARS_TRY_VOID(f()): returns the failure of a result<void>.
#define MARS_TRY_VOID(expr)                                                                                            \
    if (auto mars_try_void = (expr); !mars_try_void) return mars_try_void.error()

// The same inside coroutines.
#define MARS_CO_TRY(decl, expr)                                                                                        \
    auto MARS_CONCAT(mars_try_, __LINE__) = (expr);                                                                    \
    if (!MARS_CONCAT(mars_try_, __LINE__)) co_return MARS_CONCAT(mars_try_, __LINE__).error();                         \
    decl = *std::move(MARS_CONCAT(mars_try_, __LINE__))

#define MARS_CO_TRY_VOID(expr)                                                                                         \
    if (auto mars_try_void = (expr); !mars_try_void) co_return mars_try_void.error()
