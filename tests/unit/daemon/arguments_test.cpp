// SPDX-License-Identifier: GPL-2.0-or-later
// marsd's command line, and its man page, which has the same options as --help.
#include <catch2/catch.hpp>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

#include "kernel/daemon/arguments.hpp"

using namespace mars;
using namespace mars::daemon;

namespace {

result<Arguments> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "marsd");
    return parse_arguments(static_cast<int>(words.size()), words.data());
}

std::set<std::string> options_in(const std::string& text) {
    static const std::regex option("--[a-z]+(-[a-z]+)*");
    std::set<std::string> found;
    for (std::sregex_iterator at(text.begin(), text.end(), option), end; at != end; ++at) found.insert(at->str());
    return found;
}

} // namespace

TEST_CASE("arguments of marsd are taken as they are given") {
    auto arguments = parse({"--root=/a/", "--run-dir=/b", "--log=debug", "--memory=16", "--flip=0"});
    REQUIRE(arguments);
    CHECK(arguments->root == "/a");
    CHECK(arguments->run_directory == "/b");
    CHECK(arguments->log_level == env::LogLevel::debug);
    CHECK(arguments->tunables.memory_limit_bytes == std::uint64_t{16} << 20);
    CHECK(arguments->tunables.sync_flip_interval == Duration::zero());
    CHECK(arguments->print.empty());
}

TEST_CASE("wrong arguments of marsd are refused, each by its name") {
    for (const char* word :
         {"--root=mars", "--root=", "--run-dir=x", "--log=loud", "--memory=15", "--memory=1048577", "--memory=1G",
          "--memory=", "--flip=-1", "--flip=86401", "--flip", "--rootx=/a", "serve"}) {
        auto arguments = parse({word});
        INFO(word);
        REQUIRE_FALSE(arguments);
        CHECK(arguments.error().text.find(word) != std::string::npos);
    }
}

TEST_CASE("docs/man/marsd.8 has the options of marsd --help, and no others") {
    auto help = parse({"--help"});
    REQUIRE(help);
    std::ifstream file(MARS_SOURCE_DIR "/docs/man/marsd.8");
    std::stringstream content;
    content << file.rdbuf();
    auto page = std::regex_replace(content.str(), std::regex(R"(\\-)"), "-");
    // What stands in examples are options of others.
    page = page.substr(0, page.find(".SH SIGNALS")).substr(page.find(".SH OPTIONS"));
    CHECK(options_in(page) == options_in(help->print));
    for (const char* known : {"16", "1048576", "256", "86400", "60", "/run/mars", "MARS_DIR"}) {
        INFO(known);
        CHECK(page.find(known) != std::string::npos);
    }
}
