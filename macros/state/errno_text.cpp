// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/state/errno_text.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernel/base/characters.hpp"
#include "macros/language/evaluator.hpp"
#include "macros/state/rows.hpp"

namespace mars::macros {

namespace {

// Codes that the operating system does not know. The wording, misspelling included, is what scripts look for.
struct MarsCode {
    int code;
    const char* name;
    const char* description; // nullptr: the system's text for unknown codes
};

constexpr MarsCode kCodes[] = {
    {9998, "EXAMPLE_MARS_NAME", "ClearText"},
    {9999, "EXAMPLE_ANY_OTHER_NAME_WITHOUT_CLEARTEXT", nullptr},
    {10000, "MARS_ERR_NOSCAN", "Logfile scan was not possible"},
    {10001, "MARS_ERR_SCAN_TIMEOUT", "Logfile scan timsouted"},
    {10002, "MARS_ERR_SCAN_HOLE", "Detected a hole in logfile"},
    {10003, "MARS_ERR_SCAN_INVAL", "Record marked as invalid"},
    {10004, "MARS_ERR_SCAN_ZERO", "Zero-length record encountered"},
    {10005, "MARS_ERR_SCAN_NEGATIVE", "Negative record length"},
    {10006, "MARS_ERR_SCAN_BADLEN", "Mismatch in record length"},
    {10007, "MARS_ERR_SCAN_ADVANCE", "Positional advance too small"},
    {10008, "MARS_ERR_SCAN_RESTLEN", "Record restlen not sufficient"},
    {10009, "MARS_ERR_SCAN_INCOMPL", "Record explicitly marked as incomplete"},
    {10010, "MARS_ERR_SCAN_SEQ_FW", "Illegal record sequence skip forward"},
    {10011, "MARS_ERR_SCAN_SEQ_BW", "Record sequence skip backwards"},
    {10012, "MARS_ERR_SCAN_SIZE", "Internal size mismatch"},
    {10020, "MARS_ERR_MAGIC_BAD", "Bad magic "},
    {10021, "MARS_ERR_MAGIC_REPEATED", "Bad magic has repeated pattern"},
    {10029, "MARS_ERR_SCAN_GARBAGE", "Scanning found garbage"},
    {10100, "MARS_ERR_CRC_FLAGS", "Bad CRC flags found"},
    {10101, "MARS_ERR_CRC_MISMATCH", "CRC mismatch found"},
    {10150, "MARS_ERR_DECOMPR_FAIL", "Decompression failure"},
    {10151, "MARS_ERR_DECOMPR_TOOBIG", "Cannot handle decompression length"},
    {10152, "MARS_ERR_DECOMPR_BADLEN", "Implausible decompression length"},
};

bool is_plain_integer(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_false(std::string_view text) {
    return text.empty() || text == "0";
}

std::string label(std::string_view element) {
    if (element.starts_with("0x")) return ",HEXCODE=" + std::string(element);
    if (is_false(element)) return std::string(element);
    auto first = element.find_first_not_of(" \t\n\r\f\v+-.");
    if (first == std::string_view::npos || element[first] < '0' || element[first] > '9') return "[]";
    std::int64_t code = Number::parse(element).truncated();
    if (code == std::numeric_limits<std::int64_t>::min()) ++code;
    return errno_label(code < 0 ? -code : code, is_plain_integer(element));
}

std::string with_underscores(std::string_view text) {
    std::string out;
    bool in_white = false;
    for (char c : text) {
        bool white = is_white(c);
        if (!white)
            out += c;
        else if (!in_white)
            out += '_';
        in_white = white;
    }
    return out;
}

} // namespace

std::string errno_label(std::int64_t code, bool with_name) {
    const char* name = nullptr;
    const char* description = nullptr;
    for (auto& known : kCodes)
        if (known.code == code) {
            name = known.name;
            description = known.description;
        }
    bool system = code > 0 && code < 10'000;
    if (!name && system) name = strerrorname_np(static_cast<int>(code));
    if (!description && system) description = strerrordesc_np(static_cast<int>(code));
    std::string text = description ? description : "Unknown error " + std::to_string(code);
    return name && with_name ? "[" + std::string(name) + ":" + text + "]" : "[" + text + "]";
}

namespace {

Flow errno_text(Evaluator& evaluator, const Call& call, Value& out) {
    std::string codes, text;
    MARS_FLOW(evaluator.arg(call, 0, codes));
    std::string_view rest = codes;
    do {
        if (rest.starts_with(',')) {
            text += "[]";
            break;
        }
        auto comma = rest.find(',');
        text += label(rest.substr(0, comma));
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    } while (!is_false(rest));
    out.set(with_underscores(text));
    return Flow::normal;
}

constexpr Primitive kErrorCodeRows[] = {
    {"errno-text", "{codes}", 1, 1, false, true, "Names and descriptions of error codes, a comma list.",
     "%errno-text{-28}", "[ENOSPC:No_space_left_on_device]", errno_text},
};

} // namespace

std::span<const Primitive> error_code_primitives() {
    return kErrorCodeRows;
}

} // namespace mars::macros
