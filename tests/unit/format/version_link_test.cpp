// SPDX-License-Identifier: GPL-2.0-or-later
// Version links are bit-exact: digest, chain, and the special values that begin a history.
#include "kernel/format/version_link.hpp"

#include <catch2/catch.hpp>

using namespace mars::format;

namespace {

const LogName alpha1{1, "alpha"};
const LogName alpha2{2, "alpha"};
const LogName beta3{3, "beta"};

const std::string v1 = "19daf2d1dbd4aba87d78e6a0c210666e,log-000000001-alpha,1048576:";
const std::string v2 = "ef5ef654ce6ef824a765365a53700491,log-000000002-alpha,73728:"
                       "19daf2d1dbd4aba87d78e6a0c210666e,log-000000001-alpha,1048576";
const std::string v3 = "515d7f3196e11fc26e0c98cfd4ad9fb8,log-000000003-beta,40960:"
                       "ef5ef654ce6ef824a765365a53700491,log-000000002-alpha,73728";
const std::string zeros(32, '0');

} // namespace

TEST_CASE("a chain over two hosts") {
    CHECK(make_version(alpha1, 1048576, "").text() == v1);
    CHECK(make_version(alpha2, 73728, v1).text() == v2);
    CHECK(make_version(beta3, 40960, v2).text() == v3);
}

TEST_CASE("a chain of one host") {
    const auto one = make_version({1, "alpha"}, 5656, "").text();
    const auto two = make_version({2, "alpha"}, 100, one).text();
    const auto three = make_version({3, "alpha"}, 0, two).text();
    CHECK(one == "bf662f3ba6f03a7bb350cf2c09446ae3,log-000000001-alpha,5656:");
    CHECK(two == "311346ea85ea8eeeb190422247de731c,log-000000002-alpha,100:"
                 "bf662f3ba6f03a7bb350cf2c09446ae3,log-000000001-alpha,5656");
    CHECK(three == "1636d2b031bb07444633004a1f8e86bc,log-000000003-alpha,0:"
                   "311346ea85ea8eeeb190422247de731c,log-000000002-alpha,100");
}

TEST_CASE("partial knowledge, split and forced switch give other digests") {
    const auto partial = make_version(alpha2, 40960, v1).text();
    CHECK(partial == "1344063b111154d0966ec7b2851a64dc,log-000000002-alpha,40960:"
                     "19daf2d1dbd4aba87d78e6a0c210666e,log-000000001-alpha,1048576");
    CHECK(make_version({3, "alpha"}, 8192, v2).text() == "a4253b9df7f349f5334b89a9027ff8d3,log-000000003-alpha,8192:"
                                                         "ef5ef654ce6ef824a765365a53700491,log-000000002-alpha,73728");
    CHECK(make_version(beta3, 8192, partial).text() == "d07caecc0f62db34ef75012efe609476,log-000000003-beta,8192:"
                                                       "1344063b111154d0966ec7b2851a64dc,log-000000002-alpha,40960");
}

TEST_CASE("the first link of a fresh resource has no predecessor, not even the zero link") {
    const auto zero0 = make_zero_version({0, "alpha"}).text();
    const auto first = make_version(alpha1, 0, zero0);
    CHECK(first.digest == "25a4cf3b21e6d76a908d3184e9f5a315");
    CHECK(first.prev.empty());
    CHECK(make_version(alpha1, 0, "") == first);
}

TEST_CASE("zero links of a created resource") {
    const auto before = make_zero_version({0, "alpha"});
    CHECK(before.text() == zeros + ",log-000000000-alpha,0:");
    CHECK(make_zero_version({1, "alpha"}, before.head()).text() ==
          zeros + ",log-000000001-alpha,0:" + zeros + ",log-000000000-alpha,0");
}

TEST_CASE("the zero link is the predecessor after re-creation and after an emergency's hole") {
    CHECK(make_version({100002, "alpha"}, 0, make_zero_version({100001, "alpha"}).text()).text() ==
          "c9b41fd5fb5fdac7f07254ffb4786f93,log-000100002-alpha,0:" + zeros + ",log-000100001-alpha,0");
    CHECK(make_version({14, "alpha"}, 4096, make_zero_version({13, "alpha"}).text()).text() ==
          "ba927a80aeaf7662685720dc669962e4,log-000000014-alpha,4096:" + zeros + ",log-000000013-alpha,0");
}

TEST_CASE("version links are read") {
    const auto link = VersionLink::parse(v2);
    REQUIRE(link);
    CHECK(link->digest == "ef5ef654ce6ef824a765365a53700491");
    CHECK(link->log == alpha2);
    CHECK(link->length == 73728);
    CHECK(link->prev == version_head(v1));
    CHECK(link->text() == v2);
    CHECK(link->head() == version_head(v2));
    CHECK(VersionLink::parse(v1)->prev.empty());
    CHECK(VersionLink::parse(zeros + ",log-000000001-a-b,5,future:")->length == 5);
}

TEST_CASE("other texts are no version links") {
    const std::string text =
        GENERATE(std::string(), std::string(".deleted"), std::string(version_head(v1)), "x" + v1, v1.substr(1),
                 zeros + ",log-000000001-alpha:", zeros + ",log-000000001-alpha,x:", zeros + ",log-x-alpha,0:",
                 zeros + ",log-000000001-alpha,-1:", std::string(32, 'G') + ",log-000000001-alpha,0:",
                 std::string(32, 'A') + ",log-000000001-alpha,0:", std::string(":"), std::string(",,:"),
                 v1 + std::string(5000, 'x'));
    INFO(text);
    CHECK_FALSE(VersionLink::parse(text));
}

TEST_CASE("head and prev are cut at the first colon") {
    CHECK(std::string(version_head(v2)) + ":" + std::string(version_prev(v2)) == v2);
    CHECK(version_head("no colon") == "no colon");
    CHECK(version_prev("no colon").empty());
    CHECK(version_head("a:b:c") == "a");
    CHECK(version_prev("a:b:c") == "b:c");
    CHECK(version_prev("a:").empty());
}

TEST_CASE("the position of a head is its end") {
    CHECK(head_position(version_head(v2)) == LogPosition{alpha2, 73728});
    CHECK(head_position(version_prev(v2)) == LogPosition{alpha1, 1048576});
    CHECK(head_position("log-000000001-alpha,7") == LogPosition{alpha1, 7});
    CHECK_FALSE(head_position(""));
    CHECK_FALSE(head_position("log-000000001-alpha"));
    CHECK_FALSE(head_position("a,b,c"));
}
