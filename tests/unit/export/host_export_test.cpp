// SPDX-License-Identifier: GPL-2.0-or-later
// Block device and NBD together: one export.
#include <catch2/catch.hpp>

#include <filesystem>

#include "kernel/export/real/host_export.hpp"
#include "tests/unit/export/export_host.hpp"

using namespace mars;
using namespace mars::exports;
using namespace mars::exports::testing;

TEST_CASE("both ways show the same device, their openers add up, and both close or none") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(std::size_t{4} << 20);
    HostProvider both(host.env, host.paths);
    const auto uri = "'nbd+unix:///data?socket=" + host.paths.socket("data") + "'";
    host.run([&]() -> task<void> {
        auto made = co_await both.create("data", device);
        if (!made) FAIL(made.error().text);
        auto& e = **made;
        int code = co_await host.shell("dd if=/dev/urandom of=" + host.node() +
                                       " bs=1M count=4 oflag=direct status=none && nbdcopy " + uri + " " +
                                       host.path("copy") + " && cmp " + host.path("copy") + " " + host.node());
        CHECK(code == 0);
        {
            // nbdcopy blocks in the middle: the other end of its pipe reads nothing.
            Program client("nbdcopy " + uri + " - | sleep 1000");
            bool one = co_await host.eventually(e.changed(), [&] { return e.open_count() == 1; });
            CHECK(one);
            Program opener("exec sleep 1000 <" + host.node());
            bool two = co_await host.eventually(e.changed(), [&] { return e.open_count() == 2; });
            CHECK(two);
            auto closed = co_await e.try_close();
            CHECK_FALSE(closed.value());
            client.kill_all();
            one = co_await host.eventually(e.changed(), [&] { return e.open_count() == 1; });
            CHECK(one);
            closed = co_await e.try_close();
            CHECK_FALSE(closed.value());
            int still = co_await host.shell("nbdinfo --size " + uri + " >/dev/null"); // the refusal has passed
            CHECK(still == 0);
        }
        auto closed = co_await e.close();
        CHECK(closed);
        CHECK(e.open_count() == 0);
    });
    CHECK(std::filesystem::is_empty(host.paths.devices));
    CHECK(std::filesystem::is_empty(host.paths.run));
}

TEST_CASE("when the second half cannot be made, the first is taken back") {
    SKIP_WITHOUT_FUSE_LOOP();
    ExportHost host;
    RamDevice device(std::size_t{4} << 20);
    HostProvider both(host.env, host.paths);
    std::filesystem::create_directories(host.paths.socket("data"));
    host.run([&]() -> task<void> {
        auto made = co_await both.create("data", device);
        CHECK(made.error().is(std::errc::file_exists));
    });
    CHECK(std::filesystem::is_empty(host.paths.devices));
}
