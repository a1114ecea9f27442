// SPDX-License-Identifier: GPL-2.0-or-later
// The keys by which hosts ask each other for news, for marsd (kernel/resource/questions.hpp) and marsadm.
#pragma once

#include <string>
#include <string_view>

#include "kernel/tree/view.hpp"

namespace mars::tree {

inline constexpr std::string_view kAsk = "/ask";
inline constexpr std::string_view kAnswer = "answer-"; // HOST: to a question of HOST

inline std::string ask_key(std::string_view host) {
    return "actual-" + std::string(host) + std::string(kAsk);
}
inline std::string answer_key(std::string_view host, std::string_view asker) {
    return "actual-" + std::string(host) + "/" + std::string(kAnswer) + std::string(asker);
}
// `host` has seen a question that `asker` asked at `since` or later, and told all it knew then.
inline bool has_answered(const View& view, std::string_view host, std::string_view asker, Stamp since) {
    const auto answer = Stamp::parse(view.value(answer_key(host, asker)));
    return answer && *answer >= since;
}

} // namespace mars::tree
