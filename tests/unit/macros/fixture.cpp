// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/macros/fixture.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "kernel/base/names.hpp"

namespace mars::macros::testing {

namespace {

// Moments are shown in the time zone of this machine.
[[maybe_unused]] const bool kIsUtc = setenv("TZ", "UTC", 1) == 0;

constexpr std::int64_t kReference = 1650000000, kUsualAge = 60;

// The first component of `path` below `dir`, or empty.
std::string_view component_below(std::string_view path, std::string_view dir) {
    if (!dir.empty()) {
        if (!path.starts_with(dir) || path.size() <= dir.size() || path[dir.size()] != '/') return {};
        path.remove_prefix(dir.size() + 1);
    }
    return path.substr(0, path.find('/'));
}

} // namespace

std::optional<tree::Link> TableView::raw(std::string_view path) const {
    auto found = links.find(path);
    return found == links.end() ? std::nullopt : std::optional(found->second);
}

std::optional<tree::FileInfo> TableView::file(std::string_view path) const {
    auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> TableView::list(std::string_view dir) const {
    std::set<std::string> names;
    auto add = [&](std::string_view path, bool deleted) {
        auto name = component_below(path, dir);
        bool here = path.size() == (dir.empty() ? 0 : dir.size() + 1) + name.size();
        if (!name.empty() && name.front() != '.' && !(here && deleted)) names.emplace(name);
    };
    for (auto& [path, link] : links) add(path, link.value == tree::kDeleted);
    for (auto& [path, info] : files) add(path, false);
    for (auto& path : directories) add(path, false);
    std::vector<std::string> sorted(names.begin(), names.end());
    std::sort(sorted.begin(), sorted.end(), natural_less);
    return sorted;
}

void TableView::apply(const std::string& line) {
    auto arrow = line.find(" -> "), equals = line.find(" = ");
    if (line.ends_with(" removed")) {
        std::string path = line.substr(0, line.size() - 8);
        links.erase(path);
        files.erase(path);
    } else if (arrow != std::string::npos) {
        std::string value = line.substr(arrow + 4);
        std::int64_t age = kUsualAge;
        if (auto at = value.rfind(" @-"); at != std::string::npos) {
            age = std::stoll(value.substr(at + 3));
            value.resize(at);
        }
        links[line.substr(0, arrow)] = {value, Stamp{kReference - age, 0}};
    } else if (equals != std::string::npos) {
        files[line.substr(0, equals)] = {std::stoull(line.substr(equals + 3)), Stamp{kReference - kUsualAge, 0}};
    } else {
        throw std::runtime_error("not a line of a sample tree: " + line);
    }
}

void TableView::load(const std::string& file) {
    for (auto& line : lines_of(read_text(file)))
        if (!line.empty() && line.front() != '#') apply(line);
}

std::optional<std::string> TestOutside::read_file(const std::string& path) {
    auto found = contents.find(path);
    return found == contents.end() ? std::nullopt : std::optional(found->second);
}

Outside::FileKind TestOutside::kind(const std::string& path) {
    auto found = kinds.find(path);
    return found == kinds.end() ? FileKind::missing : found->second;
}

std::vector<std::string> TestOutside::list(const std::string& directory) {
    return directories[directory];
}

result<void> TestOutside::sleep(std::int64_t seconds) {
    slept += seconds;
    clock.sec += seconds;
    if (on_sleep) on_sleep();
    return {};
}

result<void> TestOutside::set_link(const std::string& value, const std::string& path) {
    links_set.emplace_back(value, path);
    return {};
}

std::string golden(const std::string& name) {
    return std::string(MARS_SOURCE_DIR) + "/tests/golden/macros/" + name;
}

std::string read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
        if (c != '\\') {
            out += c;
        } else if (next == 'x') {
            out += static_cast<char>(std::stoi(std::string(text.substr(i + 2, 2)), nullptr, 16));
            i += 3;
        } else {
            out += next == 'n' ? '\n' : next == 't' ? '\t' : next == 'r' ? '\r' : next;
            ++i;
        }
    }
    return out;
}

std::string escape(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (c == '\\')
            out += "\\\\";
        else if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (c == '\r')
            out += "\\r";
        else if (byte >= 0x20 && byte < 0x7f)
            out += c;
        else
            out.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
    return out;
}

SampleCluster::SampleCluster(const std::string& host, Compat compat) : context(view, outside, host) {
    context.compat = compat;
    context.options.fresh = 60; // its heartbeats are older than those of a live cluster
    view.load(golden("sample-cluster.tree"));
    // Each host sees the files that it has itself.
    view.apply("resource-vol1/log-000000011-nodea = 40000000");
    view.apply(host == "nodea" ? "resource-vol1/log-000000012-nodea = 30000000"
                               : "resource-vol1/log-000000012-nodea = 5000000");
    outside.kinds["/dev/vg/vol1"] = Outside::FileKind::block_device;
    outside.running = true;
}

void SampleCluster::caught_up() {
    view.apply("resource-vol1/replay-nodeb -> log-000000012-nodea,30000000,0 @-9");
    view.apply("resource-vol1/log-000000012-nodea = 30000000");
    view.links["resource-vol1/version-000000012-nodeb"] = view.links["resource-vol1/version-000000012-nodea"];
}

std::string SampleCluster::show(const std::string& name, const std::string& resource) {
    auto text = Session(context).view(name, resource);
    return text ? *text : "FAIL: " + text.error().text;
}

std::string SampleCluster::eval(const std::string& text, const std::string& resource) {
    Context with_text = context;
    with_text.macro_text = text;
    auto result = Session(with_text).view("default", resource);
    return result ? *result : "FAIL: " + result.error().text;
}

VectorContext::VectorContext(Compat compat) : context(view, outside, "alpha") {
    context.compat = compat;
    view.apply("uuid -> 1234");
    view.apply("ips/ip-alpha -> 10.0.0.1");
    view.directories = {"actual-alpha", "defaults", "userspace"};
    outside.kinds["/mars/uuid"] = Outside::FileKind::other;
}

std::string VectorContext::eval(const std::string& text) {
    context.macro_text = text;
    auto result = Session(context).view("default", "");
    if (!result) return "FAILURE cmd='view' res=''";
    std::string out = *result;
    if (out.ends_with('\n')) out.pop_back();
    return escape(out);
}

} // namespace mars::macros::testing
