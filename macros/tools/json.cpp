// SPDX-License-Identifier: GPL-2.0-or-later
// `view --json`: all viewable primitives of a resource as one object. Keys are the names with underscores and the unit;
// a value that is unknown or cannot be had is null.
#include "macros/tools/json.hpp"
#include "kernel/base/number.hpp"
#include "macros/primitives.hpp"

namespace mars::macros {

namespace {

// Passes everything on but warnings: asking for everything warns about everything.
class Quiet : public Outside {
  public:
    explicit Quiet(Outside& outside) : outside_(outside) {}

    std::optional<std::string> read_file(const std::string& path) override { return outside_.read_file(path); }
    FileKind kind(const std::string& path) override { return outside_.kind(path); }
    std::optional<std::string> read_link(const std::string& path) override { return outside_.read_link(path); }
    std::vector<std::string> list(const std::string& directory) override { return outside_.list(directory); }
    std::optional<std::uint64_t> device_size(const std::string& path) override { return outside_.device_size(path); }
    Stamp system_time() override { return outside_.system_time(); }
    std::optional<Stamp> lamport_time() override { return outside_.lamport_time(); }
    std::string local_time(std::int64_t seconds) override { return outside_.local_time(seconds); }
    bool engine_running() override { return outside_.engine_running(); }
    bool may_go_on() override { return outside_.may_go_on(); }
    result<void> set_link(const std::string& value, const std::string& path) override {
        return outside_.set_link(value, path); // which refuses: not to have said so would look like a success
    }

  private:
    Outside& outside_;
};

std::string_view unit_suffix(Unit unit) {
    switch (unit) {
    case Unit::bytes:
    case Unit::gibibytes: // written as bytes, too
        return "_bytes";
    case Unit::seconds:
        return "_seconds";
    case Unit::bytes_per_second:
        return "_bytes_per_second";
    case Unit::ops_per_second:
        return "_ops_per_second";
    default:
        return "";
    }
}

bool is_number(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    auto whole = text.substr(0, text.find_first_not_of("0123456789"));
    bool canonical = whole == "0" || (!whole.empty() && whole.front() != '0');
    auto rest = text.substr(whole.size());
    bool fraction =
        rest.size() > 1 && rest.front() == '.' && rest.find_first_not_of("0123456789", 1) == std::string_view::npos;
    return canonical && (rest.empty() || fraction);
}

std::string array_of_lines(std::string_view text) {
    std::string out = "[";
    while (!text.empty()) {
        auto end = text.find('\n');
        out += (out.size() > 1 ? ", " : "") + json_string(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return out + "]";
}

constexpr std::uint64_t kMostGibibytes = ~std::uint64_t{0} >> 30;

std::string json_value(const Entry& entry, const std::string& text) {
    switch (entry.row->unit) {
    case Unit::text:
        return text.empty() ? "null" : json_string(text);
    case Unit::lines:
        return array_of_lines(text);
    case Unit::flag:
        if (text.empty()) return entry.name == "todo-primary" ? "false" : "null";
        return text == "0" ? "false" : "true";
    case Unit::gibibytes: {
        const auto whole = parse_number<std::uint64_t>(text);
        return whole && *whole <= kMostGibibytes ? std::to_string(*whole << 30) : "null";
    }
    case Unit::count:
        if (entry.name == "device-error") return is_number(text) ? text : "null";
        return is_number(text) && !text.starts_with('-') ? text : "null";
    case Unit::code:
        return is_number(text) ? text : "null"; // a negative one is an error
    default:                                    // less than nothing stands for "unknown"
        return is_number(text) && !text.starts_with('-') ? text : "null";
    }
}

// Macros whose value is worth as much as a primitive.
constexpr std::string_view kStates[] = {"diskstate", "replstate", "flags", "role", "primarynode"};

std::string json_of_text(const result<std::string>& text) {
    if (!text) return "null";
    std::string_view value = *text;
    if (value.ends_with('\n')) value.remove_suffix(1);
    return json_string(value);
}

// Bytes of the well-formed UTF-8 sequence at the start of `text`, 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xc2 ? 0 : byte(0) < 0xe0 ? 2 : byte(0) < 0xf0 ? 3 : 4;
    if (length == 0 || byte(0) > 0xf4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    bool too_long = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
    bool surrogate = byte(0) == 0xed && byte(1) >= 0xa0;
    bool too_high = byte(0) == 0xf4 && byte(1) >= 0x90;
    return too_long || surrogate || too_high ? 0 : length;
}

} // namespace

std::string json_string(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80) {
            std::size_t length = utf8_length(text.substr(i));
            out += length == 0 ? std::string_view("\\ufffd") : text.substr(i, length);
            i += length == 0 ? 0 : length - 1;
            continue;
        }
        if (c == '"' || c == '\\')
            out.append(1, '\\').append(1, c);
        else if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (byte < 0x20 || byte == 0x7f)
            out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
        else
            out += c;
    }
    return out + "\"";
}

std::string json_of_resource(const Context& context, std::string_view resource, std::string_view only,
                             std::optional<failure>* failed) {
    Quiet quiet(context.outside);
    Context own(context.view, quiet, context.host);
    own.real_host = context.real_host;
    own.ip = context.ip;
    own.mars_dir = context.mars_dir;
    own.search_path = context.search_path;
    own.added = context.added;
    own.now = context.now;
    own.compat = context.compat;
    own.options = context.options;
    own.limits = context.limits;
    if (!only.empty()) own.macro_text = context.macro_text;
    Session session(own);
    std::string out = "{\n  \"resource\": " + json_string(resource) + ",\n  \"host\": " + json_string(context.host);
    auto add = [&](std::string key, const std::string& value) {
        for (char& c : key) c = c == '-' ? '_' : c;
        out.append(",\n  ").append(json_string(key)).append(": ").append(value);
    };
    auto view = [&](std::string_view name) {
        auto text = session.view(name, resource);
        if (!text && !only.empty() && failed) failed->emplace(text.error());
        return text;
    };
    bool macro = !only.empty() && (!own.macro_text.empty() || !find_viewable(only));
    for (auto& entry : primitive_entries()) {
        if (!entry.row->viewable || entry.row->unit == Unit::nothing || macro) continue;
        if (!only.empty() && entry.name != only) continue;
        auto text = view(entry.name);
        std::string value = text ? *text : std::string();
        bool lines = entry.row->unit == Unit::lines;
        if (!lines && value.ends_with('\n')) value.pop_back();
        add(entry.name + std::string(unit_suffix(entry.row->unit)), text ? json_value(entry, value) : "null");
    }
    for (std::string_view name : kStates) {
        if (!only.empty()) break;
        add(std::string(name), json_of_text(view(name)));
    }
    if (macro) add(std::string(only), json_of_text(view(only)));
    return out + "\n}\n";
}

} // namespace mars::macros
