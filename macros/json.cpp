// SPDX-License-Identifier: GPL-2.0-or-later
// `view --json`: all viewable primitives of a resource as one object. Keys are the names with underscores and the unit;
// a value that is unknown or cannot be had is null.
#include "macros/json.hpp"
#include "macros/evaluator.hpp"

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

  private:
    Outside& outside_;
};

std::string_view unit_suffix(Unit unit) {
    switch (unit) {
    case Unit::bytes:
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

std::string json_value(const Entry& entry, const std::string& text) {
    switch (entry.row->unit) {
    case Unit::text:
        return text.empty() ? "null" : json_string(text);
    case Unit::lines:
        return array_of_lines(text);
    case Unit::flag:
        if (text.empty()) return entry.name == "todo-primary" ? "false" : "null";
        return text == "0" ? "false" : "true";
    default:
        return is_number(text) ? text : "null";
    }
}

} // namespace

std::string json_string(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out = "\"";
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
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

std::string json_of_resource(const Context& context, std::string_view resource) {
    Quiet quiet(context.outside);
    Context own{
        .view = context.view, .outside = quiet, .host = context.host, .real_host = context.real_host, .ip = context.ip};
    own.mars_dir = context.mars_dir;
    own.search_path = context.search_path;
    own.now = context.now;
    own.compat = context.compat;
    own.options = context.options;
    own.limits = context.limits;
    Session session(own);
    std::string out = "{\n  \"resource\": " + json_string(resource) + ",\n  \"host\": " + json_string(context.host);
    for (auto& entry : primitive_entries()) {
        if (!entry.row->viewable || entry.row->unit == Unit::nothing) continue;
        std::string key = entry.name;
        for (char& c : key) c = c == '-' ? '_' : c;
        key += unit_suffix(entry.row->unit);
        auto text = session.view(entry.name, resource);
        std::string value = text ? *text : std::string();
        bool lines = entry.row->unit == Unit::lines;
        if (!lines && value.ends_with('\n')) value.pop_back();
        out.append(",\n  ").append(json_string(key)).append(": ").append(text ? json_value(entry, value) : "null");
    }
    return out + "\n}\n";
}

} // namespace mars::macros
