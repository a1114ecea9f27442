// SPDX-License-Identifier: GPL-2.0-or-later
// A tree in a table and an Outside with a virtual clock, for the tests of the macro language.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "macros/macros.hpp"

namespace mars::macros::testing {

class TableView : public tree::View {
  public:
    std::map<std::string, tree::Link, std::less<>> links;
    std::map<std::string, tree::FileInfo, std::less<>> files;
    std::set<std::string, std::less<>> directories;

    std::optional<tree::Link> raw(std::string_view path) const override;
    std::optional<tree::FileInfo> file(std::string_view path) const override;
    std::vector<std::string> list(std::string_view dir) const override;

    // One line: "PATH -> VALUE [@-SECONDS]", "PATH = BYTES", "PATH removed".
    void apply(const std::string& line);
    // All lines of a file that are neither empty nor comments.
    void load(const std::string& file);
};

class TestOutside : public Outside {
  public:
    std::map<std::string, std::string> contents;
    std::map<std::string, FileKind> kinds;
    std::map<std::string, std::vector<std::string>> directories;
    std::vector<std::string> warnings, notices;
    std::string printed;
    std::vector<std::pair<std::string, std::string>> links_set;
    Stamp clock{1650000010, 0};
    bool running = false;
    std::int64_t slept = 0;
    // Called after every pause.
    std::function<void()> on_sleep;

    std::optional<std::string> read_file(const std::string& path) override;
    FileKind kind(const std::string& path) override;
    std::vector<std::string> list(const std::string& directory) override;
    Stamp system_time() override { return clock; }
    bool engine_running() override { return running; }
    result<void> sleep(std::int64_t seconds) override;
    result<void> set_link(const std::string& value, const std::string& path) override;
    void warn(std::string_view text) override { warnings.emplace_back(text); }
    void notice(std::string_view text) override { notices.emplace_back(text); }
    void print(std::string_view text) override { printed += text; }
};

std::string golden(const std::string& name); // path of a file in tests/golden/macros
std::string read_text(const std::string& path);
std::vector<std::string> lines_of(const std::string& text);

// "\n" and so on, as the vector files write it.
std::string unescape(std::string_view text);
std::string escape(std::string_view text);

// The sample cluster of the specification as seen from nodea or nodeb, resource vol1.
struct SampleCluster {
    TableView view;
    TestOutside outside;
    Context context;

    explicit SampleCluster(const std::string& host = "nodeb", Compat compat = Compat::current);
    void caught_up();                                                                // variation B1
    std::string show(const std::string& name, const std::string& resource = "vol1"); // "FAIL: …" for a failure
    std::string eval(const std::string& text, const std::string& resource = "vol1");
};

// The context of the vector file: host alpha, hardly a tree.
struct VectorContext {
    TableView view;
    TestOutside outside;
    Context context;

    explicit VectorContext(Compat compat);
    // Escaped result without the final newline, or "FAILURE cmd='view' res=''".
    std::string eval(const std::string& text);
};

} // namespace mars::macros::testing
