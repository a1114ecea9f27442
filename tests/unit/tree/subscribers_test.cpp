// SPDX-License-Identifier: GPL-2.0-or-later
// Who hears of a change: those whose prefix the path begins with, and nobody else.
#include "kernel/tree/subscribers.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace mars;
using namespace mars::tree;

namespace {

struct Heard {
    Subscription on(std::string prefix) {
        return subscribers->add(prefix, [this, prefix](const std::string& path, std::string_view) {
            calls.push_back(prefix + "<" + path);
        });
    }
    std::vector<std::string> of(const std::string& path) {
        calls.clear();
        subscribers->notify(path, "");
        return calls;
    }

    std::shared_ptr<Subscribers> subscribers = std::make_shared<Subscribers>();
    std::vector<std::string> calls;
};

using Calls = std::vector<std::string>;

} // namespace

TEST_CASE("a change is heard by all whose prefix its path begins with, shorter prefixes first") {
    Heard heard;
    const std::vector<std::string> prefixes{"resource-a/actual-", "",        "resource-a/",  "resource-",
                                            "resource-b/",        "actual-", "resource-ab/", "resource-a/actual-x/",
                                            "resource-a/"};
    std::vector<Subscription> kept;
    for (auto& prefix : prefixes) kept.push_back(heard.on(prefix));
    const std::vector<std::string> paths{"resource-a/actual-x/k",
                                         "resource-a/primary",
                                         "resource-ab/primary",
                                         "uuid",
                                         "resource-",
                                         "actual-x/alive",
                                         "resource-aa/z",
                                         "r"};
    for (auto& path : paths) {
        Calls expected;
        for (std::size_t length = 0; length <= path.size(); ++length)
            for (auto& prefix : prefixes)
                if (prefix == path.substr(0, length)) expected.push_back(prefix + "<" + path);
        CHECK(heard.of(path) == expected);
    }
}

TEST_CASE("listeners may come and go while they are called; who has gone hears nothing any more") {
    Heard heard;
    Subscription second, late;
    auto first = heard.subscribers->add("k", [&](const std::string&, std::string_view) {
        heard.calls.emplace_back("first");
        second = Subscription();
        late = heard.on("k/");
    });
    second = heard.on("k");
    CHECK(heard.of("k/x") == Calls{"first"});
    CHECK(heard.of("k/x") == Calls{"first"}); // it replaces the one that it has made before
    first = Subscription();
    CHECK(heard.of("k/x") == Calls{"k/<k/x"});
    late = Subscription();
    CHECK(heard.of("k/x").empty());
}

TEST_CASE("a subscription may outlive what it subscribed to") {
    Heard heard;
    auto kept = heard.on("k");
    heard.subscribers.reset();
}
