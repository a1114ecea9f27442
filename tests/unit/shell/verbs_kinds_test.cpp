// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/shell/fixture.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("compressions are switched on, and digests off, by name or number, for the whole cluster") {
    Pair site;
    const std::string on = "set-global-enabled-log-compressions", off = "set-global-disabled-log-digests";
    const auto enabled = [&] { return site.get("defaults/enabled-log-compressions"); };
    site.succeed({on, "COMPRESS_LZ4"});
    CHECK(enabled() == "0x02000000");
    site.succeed({on, "COMPRESS_LZO | COMPRESS_ZSTD"});
    CHECK(enabled() == "0x09000000");
    site.succeed({on, "0x04000000"});
    CHECK(enabled() == "0x04000000");
    site.succeed({on, "0200000000"}); // octal
    CHECK(enabled() == "0x02000000");
    for (const char* wrong : {"LZ4", "CHKSUM_MD5", "COMPRESS_LZ4 COMPRESS_LZO", "0x00040000", "09", "COMPRESS_LZ4|x"})
        site.refuse({on, wrong}, "usage.arg");
    CHECK(enabled() == "0x02000000");
    site.succeed({on, "(none)"});
    CHECK(enabled() == "");
    site.succeed({off, "CHKSUM_CRC32C|CHKSUM_CRC32"});
    CHECK(site.get("defaults/disabled-log-digests") == "0x000c0000");
    site.refuse({off, "COMPRESS_LZO"}, "usage.arg");
}
