// SPDX-License-Identifier: GPL-2.0-or-later
// What a host tells of `primary` no power failure takes back.
#include "kernel/resource/role_note.hpp"

#include <catch2/catch.hpp>

#include <cerrno>

#include "tests/unit/resource/tree_of_one_host.hpp"

using namespace mars;
using namespace mars::resource;
using namespace std::chrono_literals;

namespace {

const char* const kPrimary = "resource-r/primary";

struct Scene : test::TreeOfOneHost {
    Scene() { note = std::make_unique<RoleNote>(*tree, ResourceView(*tree, "r")); }
    ~Scene() { machine.end_all_processes(); }

    // Whether it succeeded.
    bool renew(bool may_note = true) {
        bool ok = false;
        auto work = [](RoleNote& n, bool may, bool& done) -> env::task<void> {
            const auto still = [may] { return may; };
            const auto renewed = co_await n.renew(still);
            done = renewed.has_value();
        };
        run(work(*note, may_note, ok));
        return ok;
    }
    std::string present() const { return RoleNote::text_of(*tree->get(kPrimary)); }

    std::unique_ptr<RoleNote> note;
};

} // namespace

TEST_CASE("what has been seen of a role survives a power failure") {
    Scene s;
    REQUIRE(s.renew());
    CHECK(s.note->seen().empty());
    REQUIRE(s.tree->set(kPrimary, "beta"));
    REQUIRE(s.renew());
    CHECK(s.note->seen() == s.present());
    s.machine.power_cut();
    const auto* link = s.machine.filesystem().find(std::string("/mars/") + kPrimary);
    REQUIRE(link);
    CHECK(s.note->seen() == link->target + "," + link->mtime.text());
}

TEST_CASE("what cannot be made durable has not been seen") {
    Scene s;
    REQUIRE(s.tree->set(kPrimary, "beta"));
    REQUIRE(s.renew());
    const auto before = s.note->seen();
    REQUIRE(s.tree->set(kPrimary, "alpha"));
    s.machine.filesystem().fault = [](env::sim::Operation operation, const std::string&) {
        return operation == env::sim::Operation::sync_names ? std::optional(EIO) : std::nullopt;
    };
    CHECK_FALSE(s.renew());
    CHECK(s.note->seen() == before);
    s.machine.filesystem().fault = nullptr;
    CHECK(s.renew(false)); // somebody acts upon the former version
    CHECK(s.note->seen() == before);
    CHECK(s.renew());
    CHECK(s.note->seen() == s.present());
}
