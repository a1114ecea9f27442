// SPDX-License-Identifier: GPL-2.0-or-later
// Settings of marsadm.conf become defaults of options; what is wrong is reported and changes nothing.
#include "fixture.hpp"

#include "shell/command/configuration.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

namespace {

Options configured(Site& site, const std::string& text) {
    REQUIRE(site.hand->storage().write_file("/srv/marsadm.conf", text));
    site.output.events.clear();
    return with_configuration(Options(), site.hand->storage(), "/srv/marsadm.conf", site.output);
}

} // namespace

TEST_CASE("settings are defaults of options") {
    Site site;
    auto options = configured(site, "# ours\n\n compat = 0.1a\ntimeout=30 # seconds\nwindow = 90\nstrict-wait\n");
    CHECK(options.compat_01a);
    CHECK(options.timeout == 30s);
    CHECK(options.window == 90s);
    CHECK(options.strict_wait);
    CHECK(site.output.events.empty());
    auto missing = with_configuration(Options(), site.hand->storage(), "/srv/nothing.conf", site.output);
    CHECK(missing.timeout == 600s);
    CHECK(site.output.events.empty());
}

TEST_CASE("no setting is lost to a byte order mark or to line ends of another system") {
    Site site;
    auto options = configured(site, "\xef\xbb\xbftimeout=30\r\nwindow = 90\r\nstrict-wait\r\n");
    CHECK(options.timeout == 30s);
    CHECK(options.window == 90s);
    CHECK(options.strict_wait);
    CHECK(site.output.events.empty());
}

TEST_CASE("a line that cannot be used is reported and skipped") {
    Site site;
    auto options = configured(site, "timeout = soon\nforce\nnonsense = 1\nwindow = 90");
    CHECK(options.timeout == 600s);
    CHECK(options.force == 0);
    CHECK(options.window == 90s);
    auto warnings = site.output.text(Severity::warning);
    CHECK(warnings.find("/srv/marsadm.conf:1: option --timeout") != std::string::npos);
    CHECK(warnings.find("/srv/marsadm.conf:2: 'force' is no setting; possible are: compat,") != std::string::npos);
    CHECK(warnings.find("/srv/marsadm.conf:3: 'nonsense' is no setting") != std::string::npos);
}

TEST_CASE("every setting is an option") {
    for (auto name : configurable_options()) {
        INFO(name);
        CHECK(find_option(name) != nullptr);
    }
}
