// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for cluster-wide and host-wide values, and the names of feature flags. Spec: macro-language 3.3.
#include <charconv>

#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

namespace {

struct Flag {
    std::uint64_t bit;
    std::string_view name;
};

constexpr Flag kFlags[] = {
    {0x00010000, "CHKSUM_MD5_OLD"}, {0x00020000, "CHKSUM_MD5"},    {0x00040000, "CHKSUM_CRC32C"},
    {0x00080000, "CHKSUM_CRC32"},   {0x00100000, "CHKSUM_SHA1"},   {0x01000000, "COMPRESS_LZO"},
    {0x02000000, "COMPRESS_LZ4"},   {0x04000000, "COMPRESS_ZLIB"}, {0x08000000, "COMPRESS_ZSTD"}};
constexpr std::uint64_t kDigests = 0x001f0000, kCompressions = 0x0f000000, kAllFlags = kDigests | kCompressions;
constexpr std::uint64_t kOwnFlags = 0x08000000; // not known to 0.1a, whose list `potential-features` is

std::uint64_t mask_of(std::string_view kind) {
    return kind.starts_with("digest") ? kDigests : kind.starts_with("compression") ? kCompressions : kAllFlags;
}

// Names joined with '|', lowest bit first; unknown bits as one hexadecimal number where they belong.
std::string flag_names(std::uint64_t flags) {
    std::string text;
    auto add = [&](std::string_view name) { text.append(text.empty() ? "" : "|").append(name); };
    if (std::uint64_t unknown = flags & ~kAllFlags) {
        char buffer[24];
        auto end = std::to_chars(buffer, buffer + sizeof buffer, unknown, 16);
        add("0x" + std::string(buffer, end.ptr));
    }
    for (auto& flag : kFlags)
        if (flags & flag.bit) add(flag.name);
    return text;
}

// A whole field "0x…"; nullopt when it is none.
std::optional<std::uint64_t> hex_field(std::string_view field) {
    if (!field.starts_with("0x")) return std::nullopt;
    std::uint64_t value = 0;
    auto parsed = std::from_chars(field.data() + 2, field.data() + field.size(), value, 16);
    bool whole = parsed.ec == std::errc() && parsed.ptr == field.data() + field.size();
    return whole ? std::optional(value) : std::nullopt;
}

std::uint64_t flag_word(std::string_view text) {
    if (auto hex = hex_field(text)) return *hex;
    return Number::parse(text).as_bits();
}

std::vector<std::string_view> fields_of(std::string_view text) {
    std::vector<std::string_view> fields;
    for (;;) {
        auto comma = text.find(',');
        fields.push_back(text.substr(0, comma));
        if (comma == std::string_view::npos) return fields;
        text.remove_prefix(comma + 1);
    }
}

std::string own_key(const State& state, std::string_view key) {
    return "actual-" + state.host() + "/" + std::string(key);
}

Flow uuid(Evaluator& evaluator, const Call&, Value& out) {
    out.set(state_of(evaluator).checked("uuid"));
    return Flow::normal;
}

Flow checked_value(Evaluator& evaluator, const Call& call, Value& out) {
    out.set(state_of(evaluator).checked(own_key(state_of(evaluator), call.binding.entry->name)));
    return Flow::normal;
}

// Two plain fields and two flag words: the flag words are shown by name.
Flow version(Evaluator& evaluator, const Call& call, Value& out) {
    auto& choices = call.binding.entry->choices;
    std::string text =
        state_of(evaluator).optional(own_key(state_of(evaluator), choices.empty() ? "" : choices.front()));
    auto fields = fields_of(text);
    if (fields.size() >= 4) {
        auto first = hex_field(fields[2]), second = hex_field(fields[3]);
        std::size_t rest = 0;
        for (std::size_t i = 0; i < 4; ++i) rest += fields[i].size() + 1;
        if (first && second) {
            std::string named(fields[0]);
            named.append(",")
                .append(fields[1])
                .append(",")
                .append(flag_names(*first))
                .append(",")
                .append(flag_names(*second));
            if (rest <= text.size()) named.append(",").append(text.substr(rest));
            text = named;
        }
    }
    out.set(std::move(text));
    return Flow::normal;
}

Flow potential_features(Evaluator&, const Call&, Value& out) {
    out.set(flag_names(kAllFlags & ~kOwnFlags));
    return Flow::normal;
}

// Choices: implemented or usable; features, digests or compressions.
Flow features(Evaluator& evaluator, const Call& call, Value& out) {
    const char* key = choice(call, 0) == "implemented" ? "features" : "usable";
    std::string text = state_of(evaluator).optional(own_key(state_of(evaluator), key));
    std::uint64_t flags = 0;
    auto at = text.find(",0x");
    if (at != std::string::npos)
        flags = hex_field(fields_of(std::string_view(text).substr(at + 1)).front()).value_or(0);
    out.set(flag_names(flags & mask_of(choice(call, 1))));
    return Flow::normal;
}

// A default of the cluster. Bits that no live host can use are worth a warning.
Flow default_flags(Evaluator& evaluator, const Call& call, Value& out) {
    auto& name = call.binding.entry->name;
    const State& state = state_of(evaluator);
    std::uint64_t flags = flag_word(state.optional("defaults/" + name)) & mask_of(choice(call, 1));
    std::uint64_t usable = 0;
    for (auto& host : state.peers()) {
        std::string text = state.optional("actual-" + host + "/usable");
        if (auto at = text.find(",0x");
            at != std::string::npos && state.is_recent(state.optional("actual-" + host + "/time")))
            usable |= hex_field(fields_of(std::string_view(text).substr(at + 1)).front()).value_or(0);
    }
    if (std::uint64_t useless = flags & ~usable; useless && usable)
        evaluator.warn(name + ": " + flag_names(useless) + " is supported by no live host");
    out.set(flag_names(flags));
    return Flow::normal;
}

Flow used_flags(Evaluator& evaluator, const Call& call, Value& out) {
    std::string text = state_of(evaluator).optional(own_key(state_of(evaluator), call.binding.entry->name));
    out.set(flag_names(flag_word(text) & mask_of(choice(call, 1))));
    return Flow::normal;
}

Flow sync_limit(Evaluator& evaluator, const Call&, Value& out) {
    out.set(state_of(evaluator).optional("defaults-" + state_of(evaluator).host() + "/sync-limit"));
    return Flow::normal;
}

constexpr Primitive kClusterStateRows[] = {
    {"uuid", "{}", 0, 1, false, true, "Identity of the cluster.", "%uuid{}", "nodea 1640000000.000000000", uuid,
     Unit::text, true},
    {"tree", "{}", 0, 1, false, true, "Version of the tree's format, as the host reports it.", "%tree{}", "0.1",
     checked_value, Unit::text, true},
    {"{rest,total}=space", "{}", 0, 1, false, true, "Free and total space of the log filesystem, in GiB.",
     "%rest-space{}", "650000000", checked_value, Unit::gibibytes, true},
    {"{tree,features}-version", "{}", 0, 1, false, true, "Version strings of the host; flag words are shown by name.",
     "%tree-version{}", "0.1", version, Unit::text, true},
    {"version", "{}", 0, 1, false, true, "Version string of the host.", "[%version{}]", "[]", version, Unit::text},
    {"potential-features", "{}", 0, 1, false, true, "All known feature flags.",
     "%subst{%potential-features{}}{\\\\|.*}{}", "CHKSUM_MD5_OLD", potential_features, Unit::text, true},
    {"{implemented,usable}-{features,digests,compressions}", "{}", 0, 1, false, true,
     "Feature flags that the host implements, or that are usable together with all others.", "%implemented-features{}",
     "CHKSUM_MD5|CHKSUM_CRC32C|COMPRESS_LZO", features, Unit::text, true},
    {"enabled={log,net}={compressions}", "{}", 0, 1, false, true,
     "Compressions that the cluster wants for logs, network.", "[%enabled-log-compressions{}]", "[]", default_flags,
     Unit::text},
    {"disabled={log,net}={digests}", "{}", 0, 1, false, true,
     "Digests that the cluster does not want for logs, network.", "[%disabled-log-digests{}]", "[]", default_flags,
     Unit::text},
    {"used={log,net}={digest,compression}", "{}", 0, 1, false, true, "Digest and compression in use on the host.",
     "[%used-log-digest{}]", "[]", used_flags, Unit::text, true},
    {"global~sync=limit~value", "{}", 0, 1, false, true, "How many resources may sync at the same time on the host.",
     "[%global-sync-limit-value{}]", "[]", sync_limit, Unit::count, true},
};

} // namespace

std::span<const Primitive> cluster_state_primitives() {
    return kClusterStateRows;
}

} // namespace mars::macros
