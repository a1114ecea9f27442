// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/words/suggest.hpp"

#include <algorithm>
#include <cstddef>

namespace mars::shell {

namespace {

// Optimal string alignment distance: three rows of the usual table.
std::size_t edits(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + cost});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

} // namespace

std::string_view suggest(std::string_view word, const std::vector<std::string_view>& candidates) {
    std::string_view best;
    auto limit = std::clamp<std::size_t>(word.size() / 3, 1, 3) + 1;
    for (auto candidate : candidates) {
        auto distance = edits(word, candidate);
        if (distance >= limit) continue;
        limit = distance;
        best = candidate;
    }
    return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
    const auto close = suggest(word, std::vector<std::string_view>(names.begin(), names.end()));
    return close.empty() ? std::string() : "; did you mean '" + std::string(close) + "'?";
}

} // namespace mars::shell
