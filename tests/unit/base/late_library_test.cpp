// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/base/late_library.hpp"

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>

namespace {

constinit mars::LateLibrary libm("libm.so.6", "libc6");
constinit mars::LateLibrary missing("libmars-nosuch.so.1", "mars-nosuch");

namespace late {
constinit const mars::LateFunction<double (*)(double)> floor(libm, "floor");
constinit const mars::LateFunction<double (*)(double)> absent(libm, "nosuch_function");
constinit const mars::LateFunction<double (*)(double)> nowhere(missing, "floor");
} // namespace late

std::string thrown_by(const auto& function) {
    try {
        (void)function(1.0);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "nothing";
}

} // namespace

TEST_CASE("a late function is found at its first call and again") {
    CHECK(late::floor(2.5) == 2.0);
    CHECK(late::floor(-0.5) == -1.0);
}

TEST_CASE("a missing library or function is named with the package to install") {
    CHECK(thrown_by(late::nowhere).find("libmars-nosuch.so.1") != std::string::npos);
    CHECK(thrown_by(late::nowhere).find("install the Debian package mars-nosuch") != std::string::npos);
    CHECK(thrown_by(late::absent).find("nosuch_function") != std::string::npos);
}
