// SPDX-License-Identifier: GPL-2.0-or-later
// Names, attributes and watches of the real Storage.
#include <catch2/catch.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>

#include "kernel/env/deadline.hpp"
#include "tests/unit/env/run.hpp"

using namespace mars;
using namespace mars::env;
using namespace mars::env::testing;

TEST_CASE("a symlink keeps value and nanoseconds, and replaces what was there") {
    Host host;
    auto& storage = host.env.storage();
    std::ofstream(host.path(".tmp-k")) << "an old leftover";
    REQUIRE(storage.write_symlink(host.path("k"), host.path(".tmp-k"), "first", {1, 2}));
    REQUIRE(storage.write_symlink(host.path("k"), host.path(".tmp-k"), "second value, with spaces",
                                  {1700000000, 999999999}));
    auto got = storage.read_symlink(host.path("k"));
    REQUIRE(got);
    CHECK(got->value == "second value, with spaces");
    CHECK(got->mtime == Stamp{1700000000, 999999999});
    CHECK(storage.status(host.path(".tmp-k")).error().is(std::errc::no_such_file_or_directory));
    CHECK(storage.status(host.path("k"))->kind == FileKind::symlink);
    CHECK(storage.status(host.path("k"))->mtime == Stamp{1700000000, 999999999});
}

TEST_CASE("a symlink that cannot be written changes nothing") {
    Host host;
    auto& storage = host.env.storage();
    REQUIRE(storage.make_directory(host.path("k")));
    CHECK_FALSE(storage.write_symlink(host.path("k"), host.path(".tmp-k"), "v", {1, 2}));
    CHECK_FALSE(storage.status(host.path(".tmp-k")));
    CHECK_FALSE(storage.write_symlink(host.path("no/k"), host.path("no/.tmp-k"), "v", {1, 2}));
    CHECK_FALSE(storage.write_symlink(host.path("e"), host.path(".tmp-e"), "", {1, 2})); // symlinks have a value
    CHECK(storage.list(host.directory)->size() == 1);
}

TEST_CASE("reading what is no symlink fails, with distinct codes") {
    Host host;
    auto& storage = host.env.storage();
    std::ofstream(host.path("f")) << "x";
    CHECK(storage.read_symlink(host.path("f")).error().is(std::errc::invalid_argument));
    CHECK(storage.read_symlink(host.path("g")).error().is(std::errc::no_such_file_or_directory));
}

TEST_CASE("directories are made, listed and removed") {
    Host host;
    auto& storage = host.env.storage();
    REQUIRE(storage.make_directory(host.path("d")));
    REQUIRE(storage.make_directory(host.path("d")));
    struct stat st {};
    REQUIRE(::stat(host.path("d").c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0700);
    std::ofstream(host.path("d/f")) << "x";
    REQUIRE(storage.make_directory(host.path("d/sub")));
    REQUIRE(storage.write_symlink(host.path("d/l"), host.path("d/.tmp-l"), "v", {1, 0}));
    auto entries = storage.list(host.path("d"));
    REQUIRE(entries);
    std::sort(entries->begin(), entries->end(), [](auto& a, auto& b) { return a.name < b.name; });
    REQUIRE(entries->size() == 3);
    CHECK(((*entries)[0].name == "f" && (*entries)[0].kind == FileKind::regular));
    CHECK(((*entries)[1].name == "l" && (*entries)[1].kind == FileKind::symlink));
    CHECK(((*entries)[2].name == "sub" && (*entries)[2].kind == FileKind::directory));
    CHECK(storage.remove_directory(host.path("d")).error().is(std::errc::directory_not_empty));
    CHECK_FALSE(storage.remove(host.path("d/sub")));
    CHECK(storage.make_directory(host.path("d/f")).error().is(std::errc::file_exists));
    CHECK(storage.list(host.path("none")).error().is(std::errc::no_such_file_or_directory));
    REQUIRE(storage.rename(host.path("d/f"), host.path("f")));
    CHECK(storage.status(host.path("f"))->size == 1);
    CHECK(storage.space(host.directory)->total_bytes > 0);
}

TEST_CASE("small files are replaced as a whole and read within limits") {
    Host host;
    auto& storage = host.env.storage();
    REQUIRE(storage.write_file(host.path("conf"), "one\n"));
    REQUIRE(storage.write_file(host.path("conf"), "two\n"));
    CHECK(storage.read_file(host.path("conf"), 4).value() == "two\n");
    CHECK(storage.read_file(host.path("conf"), 3).error().is(std::errc::file_too_large));
    CHECK(storage.list(host.directory)->size() == 1);
    struct stat st {};
    REQUIRE(::stat(host.path("conf").c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
    CHECK_FALSE(storage.write_file(host.path("no/conf"), "x"));
    CHECK(storage.read_file("/proc/self/stat", 65536).value().size() > 10);
}

TEST_CASE("names can be made durable") {
    Host host;
    host.run([&]() -> task<void> {
        auto whole = co_await host.env.storage().sync_filesystem(host.directory);
        CHECK(whole);
        auto one = co_await host.env.storage().sync_directory(host.directory);
        CHECK(one);
        auto none = co_await host.env.storage().sync_directory(host.path("none"));
        CHECK(none.error().is(std::errc::no_such_file_or_directory));
    });
}

TEST_CASE("a watch reports what happens in its directories, and nothing else") {
    Host host;
    auto& storage = host.env.storage();
    REQUIRE(storage.make_directory(host.path("a")));
    REQUIRE(storage.make_directory(host.path("b")));
    auto watch = storage.watch();
    REQUIRE(watch);
    REQUIRE((*watch)->add(host.path("a")));
    REQUIRE((*watch)->add(host.path("b")));
    CHECK((*watch)->add(host.path("none")).error().is(std::errc::no_such_file_or_directory));
    (*watch)->remove(host.path("b"));
    std::ofstream(host.path("b/unseen")) << "x";
    REQUIRE(storage.write_symlink(host.path("a/k"), host.path("a/.tmp-k"), "v", {1, 0}));
    std::vector<DirectoryChange> seen;
    host.run([&]() -> task<void> {
        auto changes = co_await (*watch)->next();
        REQUIRE(changes);
        seen = *changes;
    });
    REQUIRE(seen.size() == 4); // created, stamped, moved from, moved to
    for (const auto& change : seen) {
        CHECK(change.directory == host.path("a"));
        CHECK_FALSE(change.overflow);
    }
    CHECK(seen.back().name == "k");
    CHECK((*watch)->pending().empty());
    const timespec stamps[2] = {{5, 0}, {5, 0}}; // somebody touches it
    REQUIRE(::utimensat(AT_FDCWD, host.path("a/k").c_str(), stamps, AT_SYMLINK_NOFOLLOW) == 0);
    const auto touched = (*watch)->pending();
    REQUIRE(touched.size() == 1);
    CHECK(touched.front().name == "k");
}

TEST_CASE("waiting for changes ends with the first one, or when cancelled") {
    Host host;
    auto& storage = host.env.storage();
    auto watch = storage.watch();
    REQUIRE(watch);
    REQUIRE((*watch)->add(host.directory));
    host.run([&]() -> task<void> {
        auto late = co_await with_deadline(host.env, std::chrono::milliseconds(1), "nothing", (*watch)->next());
        CHECK(late.error().is(std::errc::timed_out));
        using namespace asio::experimental::awaitable_operators;
        auto make = [&]() -> task<void> {
            std::ofstream(host.path("new")) << "x";
            co_return;
        };
        auto both = co_await ((*watch)->next() && make());
        REQUIRE(both);
        CHECK(both->front().name == "new");
    });
}
