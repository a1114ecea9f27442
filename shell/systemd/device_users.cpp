// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/device_users.hpp"

#include <regex.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>

#include "kernel/base/number.hpp"

namespace mars::shell::systemd {

namespace fs = std::filesystem;

namespace {

std::string first_line(const fs::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// "\040" and its like in mountinfo.
std::string without_octal(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

// Mount points of the filesystem on `device` in a mountinfo file.
std::vector<std::string> mounts_in(const fs::path& mountinfo, dev_t device) {
    const auto number = std::to_string(major(device)) + ":" + std::to_string(minor(device));
    std::vector<std::string> points;
    std::ifstream file(mountinfo);
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields(line);
        std::string id, parent, dev, root, point;
        if (fields >> id >> parent >> dev >> root >> point && dev == number) points.push_back(without_octal(point));
    }
    return points;
}

class Search {
  public:
    Search(dev_t device, std::size_t most) : device_(device), most_(most) {}

    std::vector<std::string> run();

  private:
    bool is_full() const { return found_.size() >= most_; }
    void look_at_process(const fs::path& process, pid_t pid);
    std::optional<std::string> use_by(const fs::path& process) const;
    void look_at_namespace(const fs::path& process, const std::string& who);

    dev_t device_;
    std::size_t most_;
    std::vector<std::string> found_;
    std::set<std::string> namespaces_;
};

// Where the process has something of the device, nullopt when it has not.
std::optional<std::string> Search::use_by(const fs::path& process) const {
    auto uses = [&](const fs::path& link) -> std::optional<std::string> {
        struct stat status {};
        if (::stat(link.c_str(), &status) != 0) return std::nullopt;
        if (S_ISBLK(status.st_mode) && status.st_rdev == device_) return "has the device open";
        if (status.st_dev != device_) return std::nullopt;
        std::error_code ignored;
        return "in " + fs::read_symlink(link, ignored).string();
    };
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(process / "fd", ignored))
        if (auto use = uses(entry.path())) return use;
    for (auto name : {"cwd", "root", "exe"})
        if (auto use = uses(process / name)) return use;
    return std::nullopt;
}

void Search::look_at_namespace(const fs::path& process, const std::string& who) {
    std::error_code error;
    auto space = fs::read_symlink(process / "ns/mnt", error).string();
    if (error || !namespaces_.insert(space).second) return;
    for (const auto& point : mounts_in(process / "mountinfo", device_)) {
        if (is_full()) return;
        found_.push_back("mounted on " + point + " in the mount namespace of " + who);
    }
}

void Search::look_at_process(const fs::path& process, pid_t pid) {
    auto name = first_line(process / "comm");
    if (name.empty() || pid == ::getpid() || name == "marsd") return;
    const auto who = name + " (pid " + std::to_string(pid) + ")";
    if (auto use = use_by(process)) found_.push_back(who + " " + *use);
    look_at_namespace(process, who);
}

std::vector<std::string> Search::run() {
    for (const auto& point : mounts_in("/proc/self/mountinfo", device_)) found_.push_back("mounted on " + point);
    std::error_code ignored;
    namespaces_.insert(fs::read_symlink("/proc/self/ns/mnt", ignored).string());
    const auto number = std::to_string(major(device_)) + ":" + std::to_string(minor(device_));
    for (const auto& holder : fs::directory_iterator("/sys/dev/block/" + number + "/holders", ignored))
        found_.push_back("the block device " + holder.path().filename().string() + " is on it");
    for (const auto& process : fs::directory_iterator("/proc", ignored)) {
        if (is_full()) break;
        if (auto pid = parse_number<pid_t>(process.path().filename().string())) look_at_process(process.path(), *pid);
    }
    return std::move(found_);
}

} // namespace

std::vector<std::string> device_users(const std::string& device, std::size_t most) {
    struct stat status {};
    if (::stat(device.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return {};
    return Search(status.st_rdev, most).run();
}

bool is_called_by(const std::string& callers) {
    if (::getppid() == 1) return true;
    regex_t regex;
    if (callers.empty() || ::regcomp(&regex, callers.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
    bool found = false;
    for (pid_t pid = ::getppid(); pid > 1 && !found;) {
        const fs::path process = "/proc/" + std::to_string(pid);
        std::ifstream file(process / "cmdline");
        std::string line((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
        std::replace(line.begin(), line.end(), '\0', ' ');
        found = ::regexec(&regex, line.c_str(), 0, nullptr, 0) == 0;
        auto stat = first_line(process / "stat");
        auto rest = stat.substr(std::min(stat.size(), stat.rfind(')') + 1)); // " STATE PPID …"
        std::istringstream fields(rest);
        std::string state;
        if (!(fields >> state >> pid)) break;
    }
    ::regfree(&regex);
    return found;
}

} // namespace mars::shell::systemd
