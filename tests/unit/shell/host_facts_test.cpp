// SPDX-License-Identifier: GPL-2.0-or-later
// What this host has of that which units need, on real files.
#include "shell/systemd/host_facts.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace mars::shell::systemd;

namespace {

class Folder {
  public:
    Folder() {
        std::string name = std::filesystem::temp_directory_path().string() + "/mars-facts-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = std::filesystem::canonical(name);
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string file(const std::string& name, const std::string& text, mode_t mode) const {
        std::ofstream(path_ / name) << text;
        REQUIRE(::chmod((path_ / name).c_str(), mode) == 0);
        return path_ / name;
    }
    std::string at(const std::string& name) const { return name.empty() ? path_ : path_ / name; }

  private:
    std::filesystem::path path_;
};

} // namespace

TEST_CASE("a program is a file that can be executed, with its interpreter") {
    Folder folder;
    CHECK(kind_of_program("/bin/sh") == PathKind::program);
    CHECK(kind_of_program(folder.file("script", "#!/bin/sh -e\n", 0755)) == PathKind::program);
    CHECK(kind_of_program(folder.file("lost", "#! /no/such -x\n", 0755)) == PathKind::no_interpreter);
    CHECK(kind_of_program(folder.file("dos", "#!/bin/sh\r\n", 0755)) == PathKind::no_interpreter);
    const auto text = folder.file("text", "x", 0644);
    CHECK(kind_of_program(text) == PathKind::file);
    CHECK(kind_of_program(text + "/x") == PathKind::blocked);
    CHECK(kind_of_program(folder.at("none")) == PathKind::missing);
    CHECK(kind_of_program(folder.at("")) == PathKind::file);
}

TEST_CASE("a place is where something can be mounted, or what is in the way") {
    Folder folder;
    std::filesystem::create_directories(folder.at("empty"));
    CHECK(kind_of_place(folder.at("empty")) == PathKind::directory);
    CHECK(kind_of_place(folder.at("new/deep")) == PathKind::missing);
    const auto text = folder.file("text", "x", 0644);
    CHECK(kind_of_place(folder.at("")) == PathKind::used_directory);
    CHECK(kind_of_place(text) == PathKind::file);
    CHECK(kind_of_place(text + "/x") == PathKind::blocked);
    std::filesystem::create_directory_symlink(folder.at("empty"), folder.at("link"));
    CHECK(kind_of_place(folder.at("link")) == PathKind::linked);
    CHECK(kind_of_place(folder.at("link/x")) == PathKind::linked);
    CHECK(kind_of_place("/proc") == PathKind::mounted);
}

TEST_CASE("users, groups and filesystems") {
    HostQuestions questions;
    questions.users = {"root", "0", "no-such-user-here"};
    questions.groups = {"root", "4711", "no-such-group-here"};
    questions.filesystems = {"proc", "nosuchfs"};
    const auto facts = host_facts(questions);
    CHECK(facts.unknown_users == std::set<std::string>{"no-such-user-here"});
    CHECK(facts.unknown_groups == std::set<std::string>{"no-such-group-here"});
    CHECK(facts.unknown_filesystems == std::set<std::string>{"nosuchfs"});
}
