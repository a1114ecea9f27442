// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/tree/paths.hpp"

#include <catch2/catch.hpp>

using namespace mars::tree;

TEST_CASE("paths that are no keys are refused") {
    for (const char* good : {"uuid", "resource-x/primary", "resource-x/todo-a/sync", "a/b/c/d/e/f", "ignore-me"})
        CHECK(check_path(good));
    for (const char* bad : {"", "/", "/uuid", "a//b", "a/", ".", "..", "../x", "a/../b", "a/.tmp-b", ".deleted-a",
                            "a\nb", "a/b/c/d/e/f/g"})
        CHECK_FALSE(check_path(bad));
    CHECK_FALSE(check_path(std::string_view("a\0b", 3)));
    CHECK(check_path(std::string(240, 'a')));
    CHECK_FALSE(check_path(std::string(241, 'a')));
}

TEST_CASE("values have 1 to 4094 bytes without NUL and newline") {
    CHECK(check_value("x"));
    CHECK(check_value(std::string(4094, 'x')));
    CHECK_FALSE(check_value(std::string(4095, 'x')));
    CHECK_FALSE(check_value(""));
    CHECK_FALSE(check_value("a\nb"));
    CHECK_FALSE(check_value(std::string_view("a\0b", 3)));
}

TEST_CASE("only known directories are held and exchanged") {
    for (const char* held : {"", "ips", "todo-global", "defaults", "defaults-a", "userspace", "actual-a", "resource-x",
                             "resource-x/todo-a", "resource-x/actual-a", "resource-x/userspace", "resource-x/defaults",
                             "resource-x/defaults-a"})
        CHECK(is_held_directory(held));
    for (const char* other : {"cache-a", "probe-a", "backups-1", "lost+found", "resource-x/local-a", "ips/x",
                              "resource-x/todo-a/deep", "actual-a/userspace", "todo-x"})
        CHECK_FALSE(is_held_directory(other));
}

TEST_CASE("what travels: all links of known directories but private ones") {
    for (const char* yes : {"uuid", "unknown", "ips/ip-a", "resource-x/anything", "actual-a/alive",
                            "resource-x/actual-a/read-stamp", "resource-x/log-000000001-a"})
        CHECK(is_transferable(yes));
    for (const char* no : {".tmp-uuid", "ips/.deleted-ip-a", "ignore-this", "actual-a/read-stamp", "actual-a/read-time",
                           "cache-a/invalid", "resource-x/local-a/connection-b", ""})
        CHECK_FALSE(is_transferable(no));
}

TEST_CASE("barrier keys are exactly alive and time of a host") {
    CHECK(is_barrier("actual-a/alive"));
    CHECK(is_barrier("actual-a/time"));
    CHECK_FALSE(is_barrier("actual-a/tree"));
    CHECK_FALSE(is_barrier("resource-x/actual-a/time"));
    CHECK_FALSE(is_barrier("alive"));
}

TEST_CASE("keys that one host writes are told by their names") {
    CHECK(is_written_by("actual-a/alive", "a"));
    CHECK(is_written_by("resource-x/actual-a/is-primary", "a"));
    CHECK(is_written_by("resource-x/version-000000001-a", "a"));
    CHECK_FALSE(is_written_by("resource-x/actual-b-a/is-primary", "a"));
    CHECK_FALSE(is_written_by("resource-x/version-000000001-b-a", "a"));
    CHECK(is_written_by("resource-x/version-000000001-b-a", "b-a"));
    CHECK_FALSE(is_written_by("resource-x/todo-a/attach", "a"));
    CHECK_FALSE(is_written_by("resource-x/primary", "a"));
    CHECK_FALSE(is_written_by("ips/ip-a", "a"));
}

TEST_CASE("role and systemd keys name their trigger file") {
    CHECK(systemd_trigger_for("resource-x/primary") == "resource-x/systemd-trigger");
    CHECK(systemd_trigger_for("resource-x/systemd-want") == "resource-x/systemd-trigger");
    CHECK(systemd_trigger_for("todo-global/systemd-global-trigger") == "userspace/systemd-trigger");
    CHECK(systemd_trigger_for("resource-x/userspace/systemd-status-start-a").empty());
    CHECK(systemd_trigger_for("resource-x/size").empty());
    CHECK(systemd_trigger_for("primary").empty());
}

TEST_CASE("texts from outside are shown without control characters and not at any length") {
    CHECK(shown("plain ä") == "plain ä");
    CHECK(shown("a\nb\x1b[31m") == "a?b?[31m");
    CHECK(shown(std::string(1000, 'x')).size() < 210);
}
