// SPDX-License-Identifier: GPL-2.0-or-later
// The rule of trust, on a filesystem made of a table: who may have written what root is going to use?
#include "shell/local/trust.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace mars;
using namespace mars::shell;

namespace {

using Kind = FileFacts::Kind;
constexpr uid_t kMallory = 1001, kUser = 1002;

struct Disk {
    std::map<std::string, FileFacts> files{
        {"/", {Kind::directory, 0, 0755}},
        {"/etc", {Kind::directory, 0, 0755}},
        {"/etc/marsadm", {Kind::directory, 0, 0755}},
        {"/etc/marsadm/x.tpl", {Kind::regular, 0, 0644}},
        {"/tmp", {Kind::directory, 0, 01777}},
        {"/tmp/root", {Kind::directory, 0, 0755}},
        {"/tmp/root/x.tpl", {Kind::regular, 0, 0644}},
        {"/home", {Kind::directory, 0, 0755}},
        {"/home/user", {Kind::directory, kUser, 0755}},
        {"/home/user/x.tpl", {Kind::regular, kUser, 0644}},
        {"/home/mallory", {Kind::directory, kMallory, 0755}},
        {"/home/mallory/x.tpl", {Kind::regular, kMallory, 0644}},
        {"/home/mallory/roots.tpl", {Kind::regular, 0, 0644}},
    };

    // What is wrong with `path`, for `caller`: the culprit, or nothing.
    std::string culprit(const std::string& path, uid_t caller = 0) const {
        auto found = distrust(path, caller, [this](const std::string& at) -> result<FileFacts> {
            auto known = files.find(at);
            if (known == files.end()) return failure(std::errc::no_such_file_or_directory, at + " is missing");
            return known->second;
        });
        return found ? found->culprit : std::string();
    }
    void link(const std::string& path, const std::string& target, uid_t owner = 0) {
        files[path] = {Kind::symlink, owner, 0777, target};
    }
};

const std::string kFile = "/etc/marsadm/x.tpl";

} // namespace

TEST_CASE("files of root in folders of root are trusted, by whatever name") {
    Disk disk;
    CHECK(disk.culprit(kFile).empty());
    CHECK(disk.culprit("/etc/marsadm").empty());
    CHECK(disk.culprit("/etc/./marsadm/../marsadm//x.tpl").empty());
    CHECK(disk.culprit(kFile, kUser).empty());
    disk.files[kFile].mode = 0400;
    CHECK(disk.culprit(kFile).empty());
    disk.link("/etc/marsadm/y.tpl", "x.tpl");
    CHECK(disk.culprit("/etc/marsadm/y.tpl").empty());
    disk.link("/etc/alias", "../etc/marsadm");
    CHECK(disk.culprit("/etc/alias/y.tpl").empty());
    disk.link("/etc/absolute", "/etc/alias/");
    CHECK(disk.culprit("/etc/absolute/x.tpl").empty());
}

TEST_CASE("a user lends his own rights to his own files, root does not") {
    Disk disk;
    CHECK(disk.culprit("/home/user/x.tpl", kUser).empty());
    CHECK(disk.culprit("/home/user/x.tpl") == "/home/user");
    CHECK(disk.culprit("/home/mallory/x.tpl", kUser) == "/home/mallory");
}

TEST_CASE("twelve ways of a stranger to have something read with the rights of root") {
    Disk disk;
    SECTION("a file of his") {
        disk.files[kFile].owner = kMallory;
        CHECK(disk.culprit(kFile) == kFile);
    }
    SECTION("a file that everybody may write") {
        disk.files[kFile].mode = 0646;
        CHECK(disk.culprit(kFile) == kFile);
    }
    SECTION("a file that a group may write, or somebody in an access list, whose mask stands there") {
        disk.files[kFile].mode = 0664;
        CHECK(disk.culprit(kFile) == kFile);
    }
    SECTION("a file of root in a folder of his, where he can put another in its place") {
        CHECK(disk.culprit("/home/mallory/roots.tpl") == "/home/mallory");
    }
    SECTION("a folder that everybody may write") {
        disk.files["/etc/marsadm"].mode = 0757;
        CHECK(disk.culprit(kFile) == "/etc/marsadm");
    }
    SECTION("a folder that a group may write, further above") {
        disk.files["/etc"].mode = 0775;
        CHECK(disk.culprit(kFile) == "/etc");
    }
    SECTION("a folder of his above folders of root") {
        disk.files["/home/mallory/deep"] = {Kind::directory, 0, 0755};
        disk.files["/home/mallory/deep/x.tpl"] = {Kind::regular, 0, 0644};
        CHECK(disk.culprit("/home/mallory/deep/x.tpl") == "/home/mallory");
    }
    SECTION("a link of root's to a file of his") {
        disk.link("/etc/marsadm/y.tpl", "/home/mallory/x.tpl");
        CHECK(disk.culprit("/etc/marsadm/y.tpl") == "/home/mallory");
    }
    SECTION("a link of root's to a link in his folder, which leads back to a good file now") {
        disk.link("/home/mallory/y.tpl", kFile, kMallory);
        disk.link("/etc/marsadm/y.tpl", "../../home/mallory/y.tpl");
        CHECK(disk.culprit("/etc/marsadm/y.tpl") == "/home/mallory");
    }
    SECTION("a link of his in /tmp to a folder of root's") {
        disk.link("/tmp/marsadm", "/etc/marsadm", kMallory);
        CHECK(disk.culprit("/tmp/marsadm/x.tpl") == "/tmp/marsadm");
    }
    SECTION("a hard link in /tmp to some file or link of root's, under the name that is looked for") {
        disk.files["/tmp/x.tpl"] = {Kind::regular, 0, 0644};
        CHECK(disk.culprit("/tmp/x.tpl") == "/tmp/x.tpl");
        disk.link("/tmp/y.tpl", kFile);
        CHECK(disk.culprit("/tmp/y.tpl") == "/tmp/y.tpl");
        CHECK(disk.culprit("/tmp") == "/tmp");
    }
    SECTION("no file at all: a pipe that makes root wait, a link in a circle, a file as a folder") {
        disk.files[kFile].kind = Kind::other;
        CHECK(disk.culprit(kFile) == kFile);
        disk.link("/etc/marsadm/circle", "circle");
        CHECK(disk.culprit("/etc/marsadm/circle") == "/etc/marsadm/circle");
        disk.files["/etc/plain"] = {Kind::regular, 0, 0644};
        CHECK(disk.culprit("/etc/plain/x.tpl") == "/etc/plain");
    }
}

TEST_CASE("in a sticky folder, what root has in a folder of its own is root's") {
    Disk disk;
    CHECK(disk.culprit("/tmp/root/x.tpl").empty());
    CHECK(disk.culprit("/tmp/root/../root/x.tpl").empty());
    CHECK(disk.culprit("/tmp/root/../../etc/marsadm/x.tpl").empty());
    disk.files["/tmp/root"].owner = kMallory;
    CHECK(disk.culprit("/tmp/root/x.tpl") == "/tmp/root");
    disk.files["/tmp/root"] = {Kind::directory, 0, 01777};
    CHECK(disk.culprit("/tmp/root/x.tpl") == "/tmp/root/x.tpl");
}

TEST_CASE("where FUSE is mounted, a stranger's program may say that all is root's") {
    Disk disk;
    disk.files["/home/mallory"] = {Kind::directory, 0, 0755, {}, 2, true};
    disk.files["/home/mallory/roots.tpl"] = {Kind::regular, 0, 0644, {}, 2, true};
    CHECK(disk.culprit("/home/mallory/roots.tpl") == "/home/mallory");
    CHECK(disk.culprit("/home/mallory/roots.tpl", kUser) == "/home/mallory");
    disk.link("/etc/marsadm/y.tpl", "/home/mallory/roots.tpl");
    CHECK(disk.culprit("/etc/marsadm/y.tpl") == "/home/mallory");
    disk.files[kFile].device = 3; // over a single file
    disk.files[kFile].is_fuse = true;
    CHECK(disk.culprit(kFile) == kFile);
}

TEST_CASE("a root directory that is FUSE belongs to the host, and so does another filesystem that is none") {
    Disk disk;
    for (auto& [path, facts] : disk.files) {
        facts.device = 2;
        facts.is_fuse = true;
    }
    CHECK(disk.culprit(kFile).empty());
    for (const char* path : {"/etc/marsadm", "/etc/marsadm/x.tpl"}) {
        disk.files[path].device = 3;
        disk.files[path].is_fuse = false;
    }
    CHECK(disk.culprit(kFile).empty());
}

TEST_CASE("distrust names what was found, what is expected, and what to do; once") {
    Disk disk;
    disk.files[kFile] = {Kind::regular, 4'000'000'001, 0664};
    auto why = distrust(kFile, 0, [&](const std::string& at) { return result<FileFacts>(disk.files.at(at)); });
    REQUIRE(why);
    CHECK(why->text ==
          "/etc/marsadm/x.tpl belongs to user 4000000001, mode 0664; expected: owner root "
          "and no write permission of group and others, here and in all folders above; next: chown -h root "
          "/etc/marsadm/x.tpl, if its content is right, or remove it");
    RecordedOutput output;
    const Distrust again{"/somewhere/of/mallory", "/somewhere/of/mallory belongs to mallory"};
    warn_of(output, "the macro file a.tpl", again);
    warn_of(output, "the macro file b.tpl", again);
    CHECK(output.text(Severity::warning) == "the macro file a.tpl is not used: " + again.text + "\n");
}

TEST_CASE("without a guard nothing is asked of the real filesystem") {
    CHECK(may_use("macro file", "/nowhere/x.tpl"));
}
