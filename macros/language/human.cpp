// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "macros/language/evaluator.hpp"
#include "macros/language/human.hpp"

namespace mars::macros {

namespace {

struct Scale {
    double factor;
    std::string_view name;
};

constexpr Scale kBinary[] = {{0x1p40, "TiB"}, {0x1p30, "GiB"}, {0x1p20, "MiB"}, {0x1p10, "KiB"}};
constexpr Scale kDecimal[] = {{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "KB"}};
constexpr Scale kBytes{1, "B"};

// The unit named by the first of t, g, m, k that `text` contains.
Scale named_scale(std::string_view text) {
    constexpr std::string_view kLetters = "tgmk";
    bool decimal = text.front() >= 'a' && text.front() <= 'z';
    for (std::size_t i = 0; i < kLetters.size(); ++i) {
        char both[] = {kLetters[i], static_cast<char>(kLetters[i] - 32)};
        if (text.find_first_of(std::string_view(both, 2)) != std::string_view::npos)
            return decimal ? kDecimal[i] : kBinary[i];
    }
    return kBytes;
}

Scale fitting_scale(double largest) {
    if (largest >= 9.99 * 0x1p40) return kBinary[0];
    if (largest >= 9.99 * 0x1p30) return kBinary[1];
    if (largest >= 0x1p20) return kBinary[2];
    if (largest >= 0x1p10) return kBinary[3];
    return kBytes;
}

std::string scaled(double number, const Scale& scale) {
    if (!std::isfinite(number)) return Number::real(number).text(); // as Perl writes it
    if (scale.factor == 1) return Number::real(std::trunc(number + 0.1) + 0.0).text();
    char text[400];
    int length = std::snprintf(text, sizeof text, "%.3f", number / scale.factor);
    return {text, static_cast<std::size_t>(length)};
}

} // namespace

Flow human_numbers(Evaluator& evaluator, const Call& call, Value& out) {
    std::string unit, delimiter, separator;
    MARS_FLOW(evaluator.arg(call, 0, unit));
    MARS_FLOW(evaluator.arg(call, 1, delimiter));
    MARS_FLOW(evaluator.arg(call, 2, separator));
    std::vector<double> numbers;
    double largest = 0;
    for (std::size_t i = 3; i < call.args.size(); ++i) {
        Number number;
        MARS_FLOW(evaluator.operand(call, i, number));
        numbers.push_back(number.as_real());
        largest = std::max(largest, number.as_real());
    }
    Scale scale = unit.empty() ? fitting_scale(largest) : named_scale(unit);
    std::string& text = out.own();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        text.append(i == 0 ? "" : delimiter.empty() ? "/" : delimiter).append(scaled(numbers[i], scale));
        if (evaluator.grew_too_far(text.size())) return evaluator.fail_output(call);
    }
    text.append(separator.empty() ? " " : separator).append(scale.name);
    return Flow::normal;
}

Flow human_seconds(Evaluator& evaluator, const Call& call, Value& out) {
    Value value;
    MARS_FLOW(evaluator.arg(call, 0, value));
    Value::Buffer buffer;
    double seconds = value.number().as_real();
    if (value.view(buffer).empty() || !(seconds >= 0) || std::isinf(seconds)) {
        out.borrow("--:--:--");
        return Flow::normal;
    }
    double whole = std::trunc(seconds), hours = std::trunc(whole / 3600), rest = whole - hours * 3600;
    char text[400];
    int length = std::snprintf(text, sizeof text, "%02.0f:%02d:%02d", hours, static_cast<int>(rest) / 60,
                               static_cast<int>(rest) % 60);
    out.set(std::string(text, static_cast<std::size_t>(length)));
    return Flow::normal;
}

} // namespace mars::macros
