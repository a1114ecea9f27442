// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/openers.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include "kernel/base/number.hpp"

namespace mars::exports {

namespace {

constexpr std::size_t kNamed = 4; // openers named in `who`

struct DirCloser {
    void operator()(DIR* d) const { ::closedir(d); }
};
using Dir = std::unique_ptr<DIR, DirCloser>;

template<class F>
void for_each_name(const std::string& directory, F f) {
    Dir dir(::opendir(directory.c_str()));
    if (!dir) return; // a process that has ended, or a driver that is not there
    while (auto* entry = ::readdir(dir.get())) f(dir.get(), entry->d_name);
}

struct OpenFd {
    pid_t pid;
    int fd;
};

bool is_same_description(const OpenFd& a, const OpenFd& b) {
    return ::syscall(SYS_kcmp, a.pid, b.pid, KCMP_FILE, a.fd, b.fd) == 0; // not permitted: taken as different
}

// The block device that this is. Only what lies in a /dev is looked at closer: stat of any other file might hang on its
// filesystem.
std::optional<dev_t> device_of(int dir, const char* name) {
    std::array<char, PATH_MAX> target;
    auto length = ::readlinkat(dir, name, target.data(), target.size());
    if (length <= 0) return std::nullopt;
    std::string_view path(target.data(), static_cast<std::size_t>(length));
    struct stat st {};
    const bool is_device = path.find("/dev/") != path.npos && ::fstatat(dir, name, &st, 0) == 0 && S_ISBLK(st.st_mode);
    return is_device ? std::optional(st.st_rdev) : std::nullopt;
}

std::string process_name(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(in, name);
    return name;
}

using FilesByDevice = std::map<dev_t, std::vector<OpenFd>>;

// The open files of all processes but this one, of all block devices.
FilesByDevice scan_processes() {
    FilesByDevice found;
    const auto self = ::getpid();
    auto look_at = [&](pid_t pid) {
        for_each_name("/proc/" + std::to_string(pid) + "/fd", [&](DIR* dir, const char* name) {
            auto fd = parse_number<int>(name);
            const auto device = fd ? device_of(::dirfd(dir), name) : std::nullopt;
            if (!device) return;
            OpenFd open{pid, *fd};
            auto& files = found[*device];
            auto same = [&open](const OpenFd& other) { return is_same_description(open, other); };
            if (std::none_of(files.begin(), files.end(), same)) files.push_back(open);
        });
    };
    for_each_name("/proc", [&](DIR*, const char* name) {
        auto pid = parse_number<pid_t>(name);
        if (pid && *pid != self) look_at(*pid);
    });
    return found;
}

// One scan serves all who asked before it began: with many devices it is the scan that costs.
std::vector<OpenFd> find_files(dev_t device, std::chrono::steady_clock::time_point since) {
    static std::mutex mutex;
    static std::optional<std::chrono::steady_clock::time_point> began;
    static FilesByDevice files;
    const std::lock_guard lock(mutex);
    if (!began || *began < since) {
        const auto now = std::chrono::steady_clock::now();
        files = scan_processes();
        began = now;
    }
    const auto found = files.find(device);
    return found == files.end() ? std::vector<OpenFd>() : found->second;
}

// Asks the kernel whether a superblock lives on `device`; in all mount namespaces, also while the mount is being made.
std::optional<bool> has_superblock(dev_t device) {
#ifdef SYS_ustat
    struct {
        int free_blocks;
        unsigned long free_inodes;
        char names[12];
        char room[64]; // more than any kernel fills in
    } answer{};
    if (::syscall(SYS_ustat, device, &answer) == 0) return true;
    if (errno == EINVAL) return false;
#endif
    return std::nullopt; // not on this machine, or forbidden (seccomp)
}

// True when a mount in this namespace has the device number, or names the device (btrfs has numbers of its own).
bool is_in_mountinfo(dev_t device, const std::string& kernel_name) {
    const auto number = std::to_string(major(device)) + ":" + std::to_string(minor(device));
    std::ifstream in("/proc/self/mountinfo");
    std::string line, field;
    while (std::getline(in, line)) {
        std::istringstream fields(line);
        fields >> field >> field >> field;
        if (field == number) return true;
        while (fields >> field && field != "-") {
        }
        fields >> field >> field; // type and source
        struct stat st {};
        if (field == "/dev/" + kernel_name) return true;
        if (field.starts_with("/dev/") && ::stat(field.c_str(), &st) == 0 && S_ISBLK(st.st_mode) &&
            st.st_rdev == device)
            return true;
    }
    return false;
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

bool is_mounted(dev_t device, const std::string& kernel_name) {
    if (has_superblock(device).value_or(false)) return true;
    for (const char* type : {"ext4", "xfs", "f2fs", "jfs", "nilfs2"})
        if (exists("/sys/fs/" + std::string(type) + "/" + kernel_name)) return true;
    bool found = false;
    for_each_name("/sys/fs/btrfs", [&](DIR*, const char* name) {
        found = found || exists("/sys/fs/btrfs/" + std::string(name) + "/devices/" + kernel_name);
    });
    return found || is_in_mountinfo(device, kernel_name);
}

bool is_swap(dev_t device) {
    std::ifstream in("/proc/swaps");
    std::string line, path;
    std::getline(in, line); // the headings
    while (std::getline(in, line)) {
        std::istringstream(line) >> path;
        struct stat st {};
        if (::stat(path.c_str(), &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == device) return true;
    }
    return false;
}

int count_holders(const std::string& kernel_name) {
    int count = 0;
    for_each_name("/sys/block/" + kernel_name + "/holders", [&](DIR*, const char* name) { count += name[0] != '.'; });
    return count;
}

// Loop devices whose file is a node of `device`: they hold it without a process or a link in sysfs.
int count_loops_on(dev_t device) {
    int count = 0;
    for_each_name("/sys/block", [&](DIR*, const char* name) {
        if (!std::string_view(name).starts_with("loop")) return;
        std::ifstream in("/sys/block/" + std::string(name) + "/loop/backing_file");
        std::string path;
        struct stat st {};
        if (std::getline(in, path) && path.find("/dev/") != path.npos && ::stat(path.c_str(), &st) == 0 &&
            S_ISBLK(st.st_mode) && st.st_rdev == device)
            ++count;
    });
    return count;
}

std::string kernel_name_of(dev_t device) {
    auto link = "/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device));
    std::array<char, PATH_MAX> target;
    auto length = ::readlink(link.c_str(), target.data(), target.size());
    if (length <= 0) return {};
    std::string path(target.data(), static_cast<std::size_t>(length));
    return path.substr(path.rfind('/') + 1);
}

void add(std::string& list, const std::string& item) {
    list += (list.empty() ? "" : ", ") + item;
}

} // namespace

Openers find_openers(dev_t device, std::chrono::steady_clock::time_point since) {
    Openers found;
    auto kernel_name = kernel_name_of(device);
    auto files = find_files(device, since);
    found.files = static_cast<int>(files.size());
    found.is_mounted = is_mounted(device, kernel_name);
    found.is_swap = is_swap(device);
    found.holders = count_holders(kernel_name) + count_loops_on(device);
    if (found.is_mounted) add(found.who, "mounted");
    if (found.is_swap) add(found.who, "swap");
    if (found.holders) add(found.who, std::to_string(found.holders) + " block devices on it");
    for (std::size_t i = 0; i < files.size() && i < kNamed; ++i)
        add(found.who, process_name(files[i].pid) + " (pid " + std::to_string(files[i].pid) + ")");
    if (files.size() > kNamed) add(found.who, "…");
    return found;
}

} // namespace mars::exports
