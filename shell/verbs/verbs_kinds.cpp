// SPDX-License-Identifier: GPL-2.0-or-later
// Which checksums and compressions the records of logs may have, in the whole cluster. Spec: verbs 4.29,
// transaction-log 3.4, 4. Tests: tests/unit/shell/verbs_kinds_test.cpp.
#include <algorithm>
#include <charconv>
#include <optional>

#include "kernel/format/link_values.hpp"
#include "kernel/tree/view.hpp"
#include "shell/command/checks.hpp"
#include "shell/verbs/verb_table.hpp"

namespace mars::shell {

namespace {

struct Choice {
    const char* key;
    const char* prefix; // of the names
    format::KindMask all;
};

constexpr Choice kCompressions{"defaults/enabled-log-compressions", "COMPRESS_", MARS_LOG_ALL_COMPRESSIONS};
constexpr Choice kDigests{"defaults/disabled-log-digests", "CHKSUM_", MARS_LOG_ALL_SUMS};

std::string names_of(const Choice& choice) {
    return format::kind_names(choice.all);
}

std::optional<format::KindMask> parse_octal(std::string_view text) {
    format::KindMask mask = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mask, 8);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return mask;
}

result<format::KindMask> mask_of(const Choice& choice, const std::string& word) {
    for (const auto& kind : format::kKindNames)
        if ((kind.bit & choice.all) != 0 && word == kind.name) return kind.bit;
    const bool is_octal = word.size() > 1 && word[0] == '0' && word[1] != 'x';
    const auto number = is_octal ? parse_octal(word) : format::parse_mask(word);
    if (number && (*number & ~choice.all) == 0) return *number;
    return refusal("usage.arg",
                   "expected names separated by '|', or a number, of: " + names_of(choice) + "; found '" + word + "'");
}

// "NAME|NAME", with blanks or without.
result<format::KindMask> parse(const Choice& choice, const std::string& text) {
    format::KindMask mask = 0;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('|', at), text.size());
        auto word = text.substr(at, end - at);
        at = end + 1;
        std::erase(word, ' ');
        if (word.empty() || word == tree::kNone) continue;
        MARS_TRY(const auto bits, mask_of(choice, word));
        mask |= bits;
    }
    return mask;
}

env::task<result<Step>> choose(VerbContext& ctx, const Choice& choice) {
    MARS_CO_TRY(const auto mask, parse(choice, ctx.argument(0)));
    if (mask == 0) {
        ctx.remove(choice.key);
        co_return Step::done;
    }
    ctx.make_directory("defaults");
    ctx.set(choice.key, format::mask_text(mask));
    co_return Step::done;
}

env::task<result<Step>> choose_compressions(VerbContext& ctx) {
    auto step = co_await choose(ctx, kCompressions);
    co_return step;
}

env::task<result<Step>> choose_digests(VerbContext& ctx) {
    auto step = co_await choose(ctx, kDigests);
    co_return step;
}

Verb row(std::string_view name, PhaseFunction run, std::string_view what, std::string_view summary,
         std::string_view doc) {
    return {.name = name,
            .aliases = {},
            .family = Family::log,
            .resource = ResourceArgument::none,
            .arguments = {{"KINDS", ArgumentType::text, true, false, what}},
            .flags = kWrites | kClusterWide,
            .phases = {{.number = 1, .title = "set", .run = run, .name = "set"}},
            .summary = summary,
            .doc = doc,
            .errors = {"usage.arg"}};
}

} // namespace

const std::vector<Verb>& kind_verbs() {
    static const std::vector<Verb> verbs = {
        row("set-global-enabled-log-compressions", choose_compressions,
            "COMPRESS_LZO, COMPRESS_LZ4, COMPRESS_ZLIB, COMPRESS_ZSTD, joined by '|'; (none) for none",
            "Sets which compressions the records of logs may have, in the whole cluster.",
            "Logs become smaller, in /mars and on the line, for some processor time on the primary and on each member. "
            "The first one that all hosts know is taken, in the order LZO, LZ4, ZLIB, ZSTD (COMPRESS_ZSTD is not known "
            "to "
            "0.1a); view-used-log-compression shows which one. A record that does not become shorter is written as it "
            "is."),
        row("set-global-disabled-log-digests", choose_digests,
            "CHKSUM_CRC32C, CHKSUM_CRC32, CHKSUM_MD5, CHKSUM_SHA1, CHKSUM_MD5_OLD, joined by '|'; (none) for none",
            "Sets which checksums the records of logs must not have, in the whole cluster.",
            "The first one that is left and that all hosts know is taken, in this order; CHKSUM_MD5_OLD remains "
            "possible "
            "even if it is named here. view-used-log-digest shows which one."),
    };
    return verbs;
}

} // namespace mars::shell
