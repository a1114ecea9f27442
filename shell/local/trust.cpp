// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/trust.hpp"

#include <linux/magic.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <set>

#include "kernel/base/split.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

namespace fs = std::filesystem;
using Kind = FileFacts::Kind;

constexpr int kMostLinks = 40; // as in the kernel
constexpr std::size_t kLongestTarget = 4096;

Output* guarded = nullptr; // of the TrustGuard

std::string user_text(uid_t user) {
    if (user == 0) return "root";
    const auto* known = ::getpwuid(user);
    const auto number = std::to_string(user);
    return known ? std::string(known->pw_name) + " (uid " + number + ")" : "user " + number;
}

std::string mode_text(mode_t mode) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode) & 07777u);
    return text.data();
}

std::string noun(Kind kind) {
    return kind == Kind::symlink ? " is a symbolic link that belongs to " : " belongs to ";
}

// One walk from the root down to a file or folder.
class Walk {
  public:
    Walk(uid_t caller, const LookUp& look_up) : caller_(caller), look_up_(look_up) {}

    std::optional<Distrust> go(const std::string& path) {
        append(path);
        if (auto found = visit()) return found;
        while (!rest_.empty()) {
            auto name = rest_.front();
            rest_.pop_front();
            if (name == "..") {
                here_ = here_.substr(0, here_.rfind('/')); // was checked on the way down
                is_open_ = false;
                if (auto found = visit()) return found;
                continue;
            }
            above_ = here_;
            here_ += "/" + name;
            if (auto found = visit()) return found;
        }
        return std::nullopt;
    }

  private:
    void append(std::string_view path) {
        std::deque<std::string> parts;
        while (!path.empty()) {
            auto part = take_part(path, '/');
            if (!part.empty() && part != ".") parts.emplace_back(part);
        }
        rest_.insert(rest_.begin(), parts.begin(), parts.end());
    }

    std::string name() const { return here_.empty() ? "/" : here_; }

    Distrust bad(const std::string& found, const std::string& next) const {
        const auto owner = caller_ == 0 ? std::string("owner root") : "owner root or " + user_text(caller_);
        return {name(),
                name() + found + "; expected: " + owner +
                    " and no write permission of group and others, here and in all folders above; next: " + next};
    }
    Distrust bad_owner(const FileFacts& facts) const {
        const auto owner = caller_ == 0 ? std::string("root") : std::to_string(caller_);
        return bad(noun(facts.kind) + user_text(facts.owner) + ", mode " + mode_text(facts.mode),
                   facts.kind == Kind::directory
                       ? "move what shall be used to a folder of root's, such as /etc/marsadm"
                       : "chown -h " + owner + " " + name() + ", if its content is right, or remove it");
    }

    std::optional<Distrust> visit() {
        auto looked = look_up_(name());
        if (!looked)
            return Distrust{name(), name() + " cannot be looked at: " + looked.error().text +
                                        "; next: see to it, or remove what leads there"};
        const auto& facts = *looked;
        if (facts.is_fuse && is_mount(facts))
            return bad(" is a mounted FUSE filesystem, whose owners and permissions are what some program says",
                       "move what shall be used to a folder outside of it, such as /etc/marsadm");
        if (facts.owner != 0 && facts.owner != caller_) return bad_owner(facts);
        if (is_open_ && facts.kind != Kind::directory)
            return bad(" lies in " + above_ + ", where everybody may put files and links",
                       "move it into a folder of root's");
        if (facts.kind == Kind::symlink) return follow(facts);
        if (facts.kind == Kind::other) return bad(" is no regular file", "remove it");
        if (facts.kind == Kind::regular && !rest_.empty()) return bad(" is no folder", "remove it");
        const bool is_writable = (facts.mode & (S_IWGRP | S_IWOTH)) != 0;
        is_open_ = is_writable && facts.kind == Kind::directory && (facts.mode & S_ISVTX) != 0 && !rest_.empty();
        if (is_writable && !is_open_)
            return bad(std::string(" may be changed by ") + ((facts.mode & S_IWOTH) != 0 ? "everybody" : "its group") +
                           ": owner " + user_text(facts.owner) + ", mode " + mode_text(facts.mode),
                       "chmod go-w " + name() + ", if its content is right");
        return std::nullopt;
    }

    bool is_mount(const FileFacts& facts) const {
        if (here_.empty()) return false;
        const auto above = here_.substr(0, here_.rfind('/'));
        const auto parent = look_up_(above.empty() ? "/" : above);
        return !parent || parent->device != facts.device;
    }

    std::optional<Distrust> follow(const FileFacts& link) {
        if (++links_ > kMostLinks) return bad(" leads through too many symbolic links", "remove it");
        here_ = link.target.starts_with('/') ? std::string() : here_.substr(0, here_.rfind('/'));
        append(link.target);
        return std::nullopt;
    }

    uid_t caller_;
    const LookUp& look_up_;
    std::deque<std::string> rest_;
    std::string here_, above_; // without a slash at the end; "" is the root
    bool is_open_ = false;     // `here_` is a folder where everybody may make files, but not touch those of others
    int links_ = 0;
};

result<FileFacts> facts_of(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return errno_failure(errno, path);
    FileFacts facts;
    facts.owner = status.st_uid;
    facts.mode = status.st_mode & 07777u;
    facts.kind = S_ISREG(status.st_mode)   ? Kind::regular
                 : S_ISDIR(status.st_mode) ? Kind::directory
                 : S_ISLNK(status.st_mode) ? Kind::symlink
                                           : Kind::other;
    facts.device = status.st_dev;
    if (facts.kind == Kind::regular || facts.kind == Kind::directory) {
        struct statfs system {};
        if (::statfs(path.c_str(), &system) != 0) return errno_failure(errno, path);
        facts.is_fuse = system.f_type == FUSE_SUPER_MAGIC;
    }
    if (facts.kind != Kind::symlink) return facts;
    std::string target(kLongestTarget, '\0');
    const auto size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0) return errno_failure(errno, path);
    target.resize(static_cast<std::size_t>(size));
    facts.target = std::move(target);
    return facts;
}

} // namespace

std::optional<Distrust> distrust(const std::string& path, uid_t caller, const LookUp& facts) {
    return Walk(caller, facts).go(path);
}

std::optional<Distrust> distrust(const std::string& path) {
    std::error_code error;
    const auto absolute = fs::absolute(path, error);
    if (error) return Distrust{path, path + " has no place: " + error.message() + "; next: cd to a folder that exists"};
    return distrust(absolute.string(), ::geteuid(), facts_of);
}

std::optional<Distrust> distrust_tree(const std::string& directory) {
    if (auto found = distrust(directory)) return found;
    std::error_code error;
    for (auto entry = fs::recursive_directory_iterator(directory, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
        if (auto found = distrust(entry->path().string())) return found;
    if (error) return Distrust{directory, directory + ": " + error.message() + "; next: see to it, or remove it"};
    return std::nullopt;
}

void warn_of(Output& output, const std::string& what, const Distrust& why) {
    static std::set<std::string> told;
    if (told.insert(why.culprit).second) output.warning(what + " is not used: " + why.text);
}

TrustGuard::TrustGuard(Output& output) {
    guarded = &output;
}

TrustGuard::~TrustGuard() {
    guarded = nullptr;
}

bool may_use(std::string_view kind, const std::string& path) {
    if (!guarded) return true;
    std::error_code error;
    if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return true;
    const auto why = distrust(path);
    if (why) warn_of(*guarded, "the " + std::string(kind) + " " + path, *why);
    return !why;
}

} // namespace mars::shell
