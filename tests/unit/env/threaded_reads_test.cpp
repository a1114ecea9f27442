// SPDX-License-Identifier: GPL-2.0-or-later
// Between them, the caller and the thread read every directory exactly once.
#include "kernel/env/real/threaded_reads.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "run.hpp"

using namespace mars;
using namespace mars::env;

TEST_CASE("directories are read ahead, each once") {
    constexpr std::size_t count = 200;
    testing::Host site;
    std::vector<std::string> directories;
    for (std::size_t i = 0; i < count; ++i) {
        directories.push_back(site.path(std::to_string(i)));
        std::filesystem::create_directory(directories.back());
        std::filesystem::create_symlink("value" + std::to_string(i), directories.back() + "/key");
        std::ofstream(directories.back() + "/file") << std::string(i, 'x');
    }
    auto ahead =
        site.env.storage().read_ahead(directories, {{"key", "missing"}, {"file", "key", "missing"}, {"", "no"}});
    REQUIRE(ahead);
    std::size_t by_thread = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (i == count / 2) by_thread += ahead->take(count - 1).has_value();
        auto results = ahead->take(i);
        CHECK(!ahead->take(i));
        if (!results) continue;
        ++by_thread;
        REQUIRE((results->links.size() == 2 && results->statuses.size() == 3 && results->directories.size() == 2));
        CHECK(results->links[0].value() == "value" + std::to_string(i));
        CHECK(!results->links[1]);
        CHECK(results->statuses[0]->size == i);
        CHECK(results->statuses[1]->kind == FileKind::symlink);
        CHECK(!results->statuses[2]);
        CHECK(results->directories[0]->size() == 2);
        CHECK(!results->directories[1]);
    }
    CHECK(by_thread <= count);
    CHECK(!ahead->take(count));
}

TEST_CASE("an early end is no harm") {
    testing::Host site;
    auto forgotten = site.env.storage().read_ahead(std::vector<std::string>(1000, site.path("")), {{"key"}, {}, {""}});
    auto empty = site.env.storage().read_ahead({}, {});
    CHECK(!empty->take(0));
}
