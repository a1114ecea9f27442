// SPDX-License-Identifier: GPL-2.0-or-later
// What the operator is told of a resource, and when it is taken back.
#include "kernel/resource/messages.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/resource/tree_of_one_host.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

namespace {

using Texts = std::map<std::string, std::string>;
constexpr const char* kDirectory = "resource-r/actual-alpha";

struct Scene : test::TreeOfOneHost {
    Scene() { messages = std::make_unique<Messages>(*process, *tree, kDirectory); }
    ~Scene() { machine.end_all_processes(); }

    std::string value(const std::string& key) const { return tree->value(std::string(kDirectory) + "/msg-" + key); }

    std::unique_ptr<Messages> messages;
};

} // namespace

TEST_CASE("a text is told at once, stays 10 s after it was said last, then it is OK") {
    Scene s;
    s.messages->publish({});
    CHECK(s.value("err-replay-stop") == "OK");
    s.messages->publish(Texts{{"err-replay-stop", "the disk is gone"}});
    CHECK(s.value("err-replay-stop").ends_with(" the disk is gone"));
    const auto first = s.value("err-replay-stop");
    s.world.run_for(5s);
    s.messages->publish(Texts{{"err-replay-stop", "the disk is gone"}});
    CHECK(s.value("err-replay-stop") == first);
    s.world.run_for(9s);
    s.messages->publish({});
    CHECK(s.value("err-replay-stop") == first);
    s.world.run_for(2s);
    s.messages->publish({});
    CHECK(s.value("err-replay-stop") == "OK");
}

TEST_CASE("as long as nothing is said, telling that costs nothing, and a message removed by hand comes back") {
    Scene s;
    s.messages->publish({});
    s.world.run_for(1s);
    s.messages->publish({});
    const auto looks = s.machine.filesystem().looks;
    for (int i = 0; i < 10; ++i) s.messages->publish({});
    CHECK(s.machine.filesystem().looks == looks);
    auto hand = s.machine.start_process("hand");
    REQUIRE(hand->storage().remove("/mars/" + std::string(kDirectory) + "/msg-inf-sync"));
    s.world.run_for(1s);
    s.messages->publish({});
    CHECK(s.value("inf-sync") == "OK");
    s.messages->say("err-disk-hangs", "it hangs"); // beside what was published
    s.world.run_for(11s);
    s.messages->publish({});
    CHECK(s.value("err-disk-hangs") == "OK");
}
