// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/export/real/leftovers.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "kernel/env/real/fd.hpp"
#include "kernel/export/real/openers.hpp"

namespace mars::exports {

namespace {

constexpr int kMaxStacked = 16; // mounts on one directory

bool is_fuse_mounted(const std::string& directory) {
    std::ifstream in("/proc/self/mountinfo");
    std::string line, field, where;
    bool found = false;
    while (std::getline(in, line)) {
        std::istringstream fields(line);
        fields >> field >> field >> field >> field >> where;
        while (fields >> field && field != "-") {
        }
        fields >> field;
        if (where == directory) found = field == "fuse.mars"; // the last line is the topmost mount
    }
    return found;
}

std::optional<LoopId> read_record(const std::string& path) {
    std::ifstream in(path);
    LoopId loop;
    if (in >> loop.number >> loop.file_device >> loop.file_inode && loop.number >= 0) return loop;
    return std::nullopt;
}

// Detaches the loop device of the record, if it still has our file. Result as of clean_leftovers().
result<std::string> clean_loop(const ExportPaths& paths, const std::string& name) {
    auto loop = read_record(paths.record(name));
    auto file = paths.mountpoint(name) + "/" + name;
    if (!loop || loop_backing_file(loop->number) != file) return std::string();
    MARS_TRY(auto state, abandon_loop(*loop, paths.hidden_node(name)));
    if (state == LoopState::gone) return std::string();
    return "an earlier " + paths.node(name) + " (" + loop->text() +
           "), which nobody serves any more, is still in use (" + find_openers(loop->device()).who +
           "): it gives I/O errors until it is closed or unmounted";
}

} // namespace

result<void> write_record(const ExportPaths& paths, const std::string& name, const LoopId& loop) {
    auto path = paths.record(name);
    auto text = std::to_string(loop.number) + " " + std::to_string(loop.file_device) + " " +
                std::to_string(loop.file_inode) + "\n";
    env::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return errno_failure(errno, "cannot write " + path);
    return {};
}

result<std::string> clean_leftovers(const ExportPaths& paths, const std::string& name) {
    auto mountpoint = paths.mountpoint(name);
    auto file = mountpoint + "/" + name;
    bool mounted = is_fuse_mounted(mountpoint);
    if (mounted && env::UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC)))
        return failure(std::errc::device_or_resource_busy,
                       paths.node(name) + " is being served already: is another marsd running?");
    MARS_TRY(auto note, clean_loop(paths, name));
    for (int i = 0; mounted && i < kMaxStacked; ++i, mounted = is_fuse_mounted(mountpoint))
        if (::umount2(mountpoint.c_str(), MNT_DETACH) < 0) return errno_failure(errno, "cannot unmount " + mountpoint);
    MARS_TRY_VOID(remove_loop_node(paths.node(name)));
    MARS_TRY_VOID(remove_loop_node(paths.hidden_node(name)));
    if (::unlink(paths.record(name).c_str()) < 0 && errno != ENOENT)
        return errno_failure(errno, "cannot remove " + paths.record(name));
    return note;
}

std::vector<std::string> clean_all_leftovers(const ExportPaths& paths) {
    std::set<std::string> names;
    std::error_code none; // a directory that cannot be read is told when something is made there
    for (auto entry = std::filesystem::directory_iterator(paths.run, none); entry != std::filesystem::end(entry);
         entry.increment(none)) {
        const auto extension = entry->path().extension();
        if (extension == ".loop" || extension == ".fuse") names.insert(entry->path().stem());
    }
    std::vector<std::string> notes;
    for (const auto& name : names) {
        const auto cleaned = clean_leftovers(paths, name);
        if (!cleaned) {
            if (!cleaned.error().is(std::errc::device_or_resource_busy)) notes.push_back(cleaned.error().text);
            continue;
        }
        if (!cleaned->empty()) notes.push_back(*cleaned);
        (void)::unlink(paths.socket(name).c_str());
        (void)::rmdir(paths.mountpoint(name).c_str());
    }
    return notes;
}

} // namespace mars::exports
