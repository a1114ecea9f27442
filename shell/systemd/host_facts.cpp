// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/systemd/host_facts.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <vector>

#include "kernel/base/trim.hpp"

namespace mars::shell::systemd {

namespace {

namespace fs = std::filesystem;

PathKind kind_of_absence(int number) {
    return number == ENOENT ? PathKind::missing : PathKind::blocked;
}

// The program of a first line "#! PROGRAM …"; empty: it is no script.
std::string interpreter_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char begin[2] = {};
    if (!file.read(begin, sizeof begin) || begin[0] != '#' || begin[1] != '!') return {};
    std::string line;
    std::getline(file, line);
    const auto from = line.find_first_not_of(" \t");
    if (from == std::string::npos) return {};
    return line.substr(from, line.find_first_of(" \t", from) - from); // a CR belongs to it, as the kernel sees it
}

// Something else than the directory above is mounted there. A bind mount of the same filesystem shows in the table
// only.
bool is_mount_point(const std::string& path) {
    std::ifstream table("/proc/self/mountinfo");
    for (std::string line; std::getline(table, line);) {
        std::size_t at = 0;
        for (int field = 0; field < 4 && at != std::string::npos; ++field) at = line.find(' ', at + 1);
        if (at == std::string::npos) continue;
        const auto end = line.find(' ', at + 1);
        std::string mounted;
        for (std::size_t i = at + 1; i < end; ++i) {
            if (line[i] == '\\' && i + 3 < end) { // "\040" and the like
                mounted +=
                    static_cast<char>(((line[i + 1] - '0') << 6) | ((line[i + 2] - '0') << 3) | (line[i + 3] - '0'));
                i += 3;
            } else {
                mounted += line[i];
            }
        }
        if (mounted == path) return true;
    }
    return false;
}

bool has_line(const std::string& path, const auto& fits) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
        if (fits(line)) return true;
    return false;
}

bool knows_filesystem(const std::string& type) {
    const auto is_built_in = [&](const std::string& line) { return line.substr(line.find('\t') + 1) == type; };
    if (has_line("/proc/filesystems", is_built_in)) return true;
    for (const char* directory : {"/sbin/", "/usr/sbin/"})
        if (kind_of_program(directory + std::string("mount.") + type) == PathKind::program) return true;
    utsname system{};
    if (::uname(&system) != 0) return true;
    const auto modules = "/lib/modules/" + std::string(system.release);
    const auto is_module = [&](const std::string& line) {
        for (auto end : {".ko", ".ko.xz", ".ko.zst", ".ko.gz"})
            if (trim(line.substr(0, line.find(':'))).ends_with("/" + type + end)) return true;
        return false;
    };
    return has_line(modules + "/modules.dep", is_module) || has_line(modules + "/modules.builtin", is_module);
}

// When nobody can tell (a directory server is away), the name is not called unknown.
template<class Entry>
bool is_unknown(const std::string& name, int (*look_up)(const char*, Entry*, char*, std::size_t, Entry**)) {
    std::vector<char> memory(std::size_t{1} << 16);
    Entry entry{};
    Entry* found = nullptr;
    const int code = look_up(name.c_str(), &entry, memory.data(), memory.size(), &found);
    return !found && (code == 0 || code == ENOENT || code == ESRCH);
}

bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

} // namespace

PathKind kind_of_program(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return kind_of_absence(errno);
    if (!S_ISREG(status.st_mode) || ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) return PathKind::file;
    const auto interpreter = interpreter_of(path);
    if (interpreter.starts_with('/') && ::access(interpreter.c_str(), X_OK) != 0) return PathKind::no_interpreter;
    return PathKind::program;
}

PathKind kind_of_place(const std::string& path) {
    std::error_code ignored; // then the look below finds out
    const auto real = fs::weakly_canonical(path, ignored);
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 && errno != ENOENT) return kind_of_absence(errno);
    if (!ignored && real != fs::path(path).lexically_normal()) return PathKind::linked;
    if (::stat(path.c_str(), &status) != 0) return kind_of_absence(errno);
    if (!S_ISDIR(status.st_mode)) return PathKind::file;
    if (is_mount_point(path)) return PathKind::mounted;
    const fs::directory_iterator entries(path, ignored);
    return ignored || entries == fs::directory_iterator() ? PathKind::directory : PathKind::used_directory;
}

HostFacts host_facts(const HostQuestions& questions) {
    HostFacts facts;
    for (const auto& path : questions.programs) facts.programs[path] = kind_of_program(path);
    for (const auto& path : questions.places) facts.places[path] = kind_of_place(path);
    for (const auto& user : questions.users)
        if (!is_number(user) && is_unknown<passwd>(user, ::getpwnam_r)) facts.unknown_users.insert(user);
    for (const auto& name : questions.groups)
        if (!is_number(name) && is_unknown<group>(name, ::getgrnam_r)) facts.unknown_groups.insert(name);
    for (const auto& type : questions.filesystems)
        if (!knows_filesystem(type)) facts.unknown_filesystems.insert(type);
    return facts;
}

} // namespace mars::shell::systemd
