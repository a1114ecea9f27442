// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/tools/check.hpp"

#include <algorithm>

#include "kernel/base/characters.hpp"
#include "macros/primitives.hpp"

namespace mars::macros {

namespace {

constexpr std::size_t kLongestName = 64;

// Edits (insert, delete, replace, exchange neighbours) that lead from `a` to `b`.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        now[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            now[j] = std::min({replaced, last[j] + 1, now[j - 1] + 1});
            bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (exchanged) now[j] = std::min(now[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, now);
    }
    return last[b.size()];
}

bool is_word(std::string_view name) {
    return !name.empty() && is_alpha(name[0]);
}

class Checker {
  public:
    Checker(Session& session, const Macro& macro, Compat compat) : session_(session), macro_(macro), compat_(compat) {}

    std::vector<Finding> run() {
        check_text(macro_.tree);
        return std::move(findings_);
    }

  private:
    void add(bool is_error, std::string_view at, std::string text) {
        findings_.push_back({is_error, place_of(macro_, at), std::move(text)});
    }

    void check_text(const Text& text) {
        for (std::size_t i = 0; i < text.nodes.size(); ++i) {
            auto& node = text.nodes[i];
            if (node.kind == Node::Kind::call)
                check_call(*node.call);
            else if (node.kind == Node::Kind::literal)
                check_literal(node.source);
            else if (node.reserved)
                add(false, node.source, "'" + std::string(node.source) + "' is reserved, write the letter alone");
        }
    }

    // A percent sign whose name runs into a brace that never closes is no call.
    void check_literal(std::string_view text) {
        for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
            auto end = text.find_first_of("\\ \t\n\r\f\v{}()[]", at);
            if (end == std::string_view::npos) return;
            if (text[end] == '{')
                add(false, text.substr(at), "no call: its braces do not pair, or are nested more than 20 deep");
            at = end;
        }
    }

    void check_call(const Call& call) {
        auto primitive = explicit_primitive(call.name);
        std::string_view name = primitive.value_or(call.name);
        auto* entry = find_primitive(name);
        bool macro = !primitive && session_.has_macro(call.name);
        if (entry)
            check_primitive(call, *entry);
        else if (auto* added = session_.find_added(name))
            check_arity(call, added->name, added->usage, added->min_args, added->max_args);
        else if (!macro)
            unknown(call, name);
        check_arguments(call, entry);
    }

    void unknown(const Call& call, std::string_view name) {
        std::string near = suggestion(session_, name);
        add(true, call.source,
            "unknown macro '" + std::string(call.name) + "'" + (near.empty() ? "" : "; is '" + near + "' meant?"));
    }

    void check_arity(const Call& call, const std::string& name, std::string_view arguments, int least, int most) {
        auto count = static_cast<int>(call.args.size());
        std::string usage = "%" + name + std::string(arguments);
        if (count < least)
            add(true, call.source, "'" + name + "' wants at least " + std::to_string(least) + " arguments: " + usage);
        // A call has at least one argument, if only an empty one.
        for (int i = std::max(most, 1); i < count; ++i) {
            auto& arg = call.args[static_cast<std::size_t>(i)];
            add(false, arg.source, "argument " + std::to_string(i + 1) + " of '" + name + "' is never read: " + usage);
        }
    }

    void check_primitive(const Call& call, const Entry& entry) {
        const Primitive& row = *entry.row;
        check_arity(call, entry.name, row.usage, row.min_args, row.max_args);
        bool none = row.max_args <= 1 && row.min_args == 0 && row.usage == "{}";
        if (none && !call.args.front().source.empty())
            add(false, call.args.front().source, "'" + entry.name + "' reads no argument");
        bool names_macro = (entry.name == "call" || entry.name == "include") && !call.args.empty() &&
                           call.args.front().shape == Text::Shape::constant;
        if (!names_macro) return;
        std::string macro = call.args.front().constant.str();
        if (!session_.has_macro(macro)) add(true, call.args.front().source, "there is no macro '" + macro + "'");
    }

    // What is never evaluated need not be right.
    void check_arguments(const Call& call, const Entry* entry) {
        if (entry && entry->name == "protect") return;
        bool format = entry && entry->pattern == "*printf" && compat_ == Compat::v01a;
        for (std::size_t i = format ? 1 : 0; i < call.args.size(); ++i) check_text(call.args[i]);
    }

    Session& session_;
    const Macro& macro_;
    Compat compat_;
    std::vector<Finding> findings_;
};

} // namespace

std::vector<Finding> check(Session& session, const Macro& macro, Compat compat) {
    return Checker(session, macro, compat).run();
}

std::string show(const Finding& finding) {
    std::string text = show(finding.place), kind = finding.is_error ? "error" : "warning";
    auto head = text.find('\n');
    constexpr std::size_t kPrefix = 5; // "  at "
    return text.substr(kPrefix, head - kPrefix) + ": " + kind + ": " + finding.text + text.substr(head);
}

std::string suggestion(Session& session, std::string_view name) {
    if (!is_word(name) || name.size() > kLongestName) return {};
    std::size_t best = std::min<std::size_t>(3, 1 + name.size() / 4) + 1;
    std::string found;
    auto consider = [&](const std::string& candidate) {
        if (std::size_t edits = distance(name, candidate); edits < best) {
            best = edits;
            found = candidate;
        }
    };
    for (auto& entry : primitive_entries())
        if (is_word(entry.name)) consider(entry.name);
    for (auto& macro : session.list_macros()) consider(macro.name);
    return found;
}

} // namespace mars::macros
