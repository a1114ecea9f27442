// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives that match shell patterns with names of the tree, and of directories outside as far as Outside lists them.
// Spec: macro-language 2.11.
#include <algorithm>

#include "macros/language/shell_pattern.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

namespace {

constexpr std::size_t kDeepest = 64; // components with wildcards

const Text kNoBody;

class Finder {
  public:
    explicit Finder(Evaluator& evaluator) : evaluator_(evaluator) {}

    void find(const std::string& pattern, std::vector<std::string>& out) {
        if (!has_wildcard(pattern)) {
            if (!is_deleted(pattern)) out.push_back(pattern);
            return;
        }
        std::vector<std::string> found;
        descend(pattern.starts_with('/') ? "/" : "", pattern, pattern.find_first_not_of('/'), found);
        std::sort(found.begin(), found.end(), glob_less);
        out.insert(out.end(), found.begin(), found.end());
    }

  private:
    std::vector<std::string> list(const std::string& directory) {
        if (auto below = state_of(evaluator_).below_tree(directory)) return state_of(evaluator_).view().list(*below);
        return evaluator_.outside().list(directory.empty() ? "." : directory);
    }
    bool is_deleted(const std::string& path) {
        auto below = state_of(evaluator_).below_tree(path);
        return below && state_of(evaluator_).view().raw_value(*below) == tree::kDeleted;
    }
    bool exists(const std::string& path) {
        auto below = state_of(evaluator_).below_tree(path);
        if (!below) return evaluator_.outside().kind(path) != Outside::FileKind::missing;
        auto& view = state_of(evaluator_).view();
        auto slash = below->rfind('/');
        auto siblings = view.list(slash == std::string::npos ? "" : below->substr(0, slash));
        return std::find(siblings.begin(), siblings.end(), below->substr(slash + 1)) != siblings.end();
    }
    // `base` is done; the pattern goes on at `at`.
    void descend(std::string base, const std::string& pattern, std::size_t at, std::vector<std::string>& out) {
        while (true) {
            auto end = std::min(pattern.find('/', at), pattern.size());
            std::string component = pattern.substr(at, end - at);
            auto next = pattern.find_first_not_of('/', end);
            bool is_last = next == std::string::npos;
            if (has_wildcard(component)) return search(base, component, pattern, next, out);
            if (is_last && exists(base + component)) out.push_back(base + component);
            if (is_last) return;
            base.append(component).append("/");
            at = next;
        }
    }
    // Goes on with all names in `base` that match `component`.
    void search(const std::string& base, const std::string& component, const std::string& pattern, std::size_t next,
                std::vector<std::string>& out) {
        if (depth_ >= kDeepest) return;
        ++depth_;
        std::string directory = base.size() > 1 && base.ends_with('/') ? base.substr(0, base.size() - 1) : base;
        for (auto& name : list(directory)) {
            if (!matches_pattern(name, component) || is_deleted(base + name)) continue;
            if (next == std::string::npos)
                out.push_back(base + name);
            else
                descend(base + name + "/", pattern, next, out);
        }
        --depth_;
    }

    std::size_t depth_ = 0;
    Evaluator& evaluator_;
};

// Names matching the blank-separated patterns; per pattern in the order of glob_less. Fails when the patterns are too
// long, or have too many alternatives.
result<std::vector<std::string>> glob_paths(Evaluator& evaluator, std::string_view patterns) {
    std::vector<std::string> alternatives, found;
    for (auto& pattern : split(evaluator.regexes(), patterns, " ").value_or(std::vector<std::string>()))
        if (!expand_braces(std::move(pattern), alternatives))
            return failure(std::errc::argument_list_too_long, "a pattern may have " +
                                                                  std::to_string(kMostPatternBytes) +
                                                                  " bytes, and all of them together " +
                                                                  std::to_string(kMostAlternatives) + " alternatives");
    Finder finder(evaluator);
    for (auto& pattern : alternatives) finder.find(pattern, found);
    return found;
}

Flow get_glob(Evaluator& evaluator, const Call& call, Value& out) {
    std::string patterns, ignored, delimiter;
    MARS_FLOW(evaluator.arg(call, 0, patterns));
    MARS_FLOW(evaluator.arg(call, 1, ignored));
    MARS_FLOW(evaluator.arg(call, 2, delimiter));
    std::string& joined = out.own();
    bool first = true;
    auto paths = glob_paths(evaluator, patterns);
    if (!paths) return evaluator.fail(call, paths.error().text);
    for (auto& path : *paths) {
        joined.append(first ? "" : delimiter).append(path);
        if (evaluator.grew_too_far(joined.size())) return evaluator.fail_output(call);
        first = false;
    }
    return Flow::normal;
}

Flow foreach_glob(Evaluator& evaluator, const Call& call, Value& out) {
    std::string patterns, name;
    MARS_FLOW(evaluator.arg(call, 0, patterns));
    MARS_FLOW(evaluator.arg(call, 1, name));
    Slot slot = evaluator.names().slot(name);
    std::string& produced = out.own();
    auto paths = glob_paths(evaluator, patterns);
    if (!paths) return evaluator.fail(call, paths.error().text);
    for (auto& path : *paths) {
        evaluator.env().assign(slot, path);
        MARS_FLOW(evaluator.count_round(call));
        Flow flow = evaluator.append(call.args.size() > 2 ? call.args[2] : kNoBody, produced);
        if (flow == Flow::last) return Flow::normal;
        if (flow != Flow::normal && flow != Flow::next) return flow;
        if (evaluator.grew_too_far(produced.size())) return evaluator.fail_output(call);
    }
    return Flow::normal;
}

constexpr Primitive kGlobRows[] = {
    {"get-glob", "{patterns}{}{delimiter}", 3, 3, false, false,
     "Names matching the shell patterns, joined with the delimiter. A pattern without wildcard is returned as it is.",
     "%get-glob{/mars/ips/*}{}{,}", "/mars/ips/ip-nodea,/mars/ips/ip-nodeb", get_glob},
    {"foreach-glob", "{patterns}{variable}{body}", 3, 3, true, false,
     "Evaluates the body for each name that %get-glob would give.", "%foreach-glob{/mars/ips/*}{p}{<%{p}>}",
     "</mars/ips/ip-nodea></mars/ips/ip-nodeb>", foreach_glob},
};

} // namespace

std::span<const Primitive> glob_primitives() {
    return kGlobRows;
}

} // namespace mars::macros
