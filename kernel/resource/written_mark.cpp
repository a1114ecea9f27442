// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/written_mark.hpp"

namespace mars::resource {

namespace {
constexpr std::string_view kMagic = "mars-written 1";
constexpr std::size_t kMaxBytes = 4096;

failure bad(std::string_view line) {
    return failure(std::errc::invalid_argument, "expected '" + std::string(kMagic) +
                                                    "', position, time and uuid on four lines, found '" +
                                                    std::string(line.substr(0, 80)) + "'");
}
} // namespace

std::string Written::text() const {
    return std::string(kMagic) + "\n" + at.text() + "\n" + time.text() + "\n" + uuid + "\n";
}

result<Written> Written::parse(std::string_view text) {
    const auto next_line = [&text] {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        return line;
    };
    if (const auto line = next_line(); line != kMagic) return bad(line);
    Written found;
    const auto place = next_line();
    const auto at = format::LogPosition::parse(place);
    if (!at) return bad(place);
    const auto when = next_line();
    const auto time = Stamp::parse(when);
    if (!time) return bad(when);
    found.at = *at;
    found.time = *time;
    found.uuid = next_line();
    if (!text.empty()) return bad(text);
    return found;
}

WrittenMark::WrittenMark(env::Env& env, const std::string& directory, const std::string& resource)
    : env_(env), directory_(directory), path_(directory.empty() ? "" : directory + "/written-" + resource) {}

env::task<result<void>> WrittenMark::note(std::string uuid, format::LogPosition at) {
    if (path_.empty()) co_return result<void>();
    MARS_CO_TRY_VOID(env_.storage().make_directory(directory_));
    auto text = Written{std::move(uuid), std::move(at), env_.clock().now()}.text();
    co_return co_await env_.storage().keep_file(path_, std::move(text));
}

std::optional<Written> WrittenMark::read(const std::string& uuid) const {
    if (path_.empty()) return std::nullopt;
    const auto text = env_.storage().read_file(path_, kMaxBytes);
    if (!text) return std::nullopt;
    auto found = Written::parse(*text);
    if (!found) {
        env_.log().warning(path_ + " is not used: " + found.error().text);
        return std::nullopt;
    }
    return found->uuid == uuid ? std::optional(std::move(*found)) : std::nullopt;
}

void WrittenMark::remove() {
    if (!path_.empty()) (void)env_.storage().remove(path_);
}

} // namespace mars::resource
