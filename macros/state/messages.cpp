// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives for messages (links msg-*) and status files. Spec: macro-language 3.4.
#include <algorithm>

#include "macros/language/shell_pattern.hpp"
#include "macros/state/errno_text.hpp"
#include "macros/state/rows.hpp"
#include "macros/state/state.hpp"

namespace mars::macros {

namespace {

constexpr std::string_view kMessage = "msg-";
constexpr std::size_t kStampDigits = 9;

struct Message {
    std::string name; // without "msg-"
    std::string value;
};

std::size_t digit_run(std::string_view text, std::size_t from) {
    std::size_t end = from;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    return end - from;
}

// "SECONDS.NNNNNNNNN" at `at` with at least nine digits before the point: its length, else 0.
std::size_t stamp_length(std::string_view text, std::size_t at) {
    std::size_t whole = digit_run(text, at);
    if (whole < kStampDigits || at + whole >= text.size() || text[at + whole] != '.') return 0;
    return digit_run(text, at + whole + 1) >= kStampDigits ? whole + 1 + kStampDigits : 0;
}

// A negative number behind "error" or "status", optional blanks and '=': the length up to its minus sign, else 0.
std::size_t code_prefix(std::string_view text, std::size_t at) {
    std::size_t word = text.substr(at).starts_with("error") ? 5 : text.substr(at).starts_with("status") ? 6 : 0;
    if (!word) return 0;
    std::size_t end = at + word;
    auto skip_blanks = [&] { end = std::min(text.find_first_not_of(" \t", end), text.size()); };
    skip_blanks();
    if (end >= text.size() || text[end] != '=') return 0;
    ++end;
    skip_blanks();
    return end < text.size() && text[end] == '-' && digit_run(text, end + 1) ? end + 1 - at : 0;
}

// Time stamps as local time, error codes with their names.
std::string prettified(Evaluator& evaluator, std::string_view text, bool fractions) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        if (std::size_t length = stamp_length(text, at)) {
            auto seconds = Number::parse(text.substr(at, length - 1 - kStampDigits)).truncated();
            out += evaluator.outside().local_time(seconds);
            if (fractions) out += text.substr(at + length - 1 - kStampDigits, 1 + kStampDigits);
            at += length;
        } else if (std::size_t prefix = code_prefix(text, at)) {
            std::size_t digits = digit_run(text, at + prefix);
            out += text.substr(at, prefix);
            out += errno_label(Number::parse(text.substr(at + prefix, digits)).truncated(), true);
            at += prefix + digits;
        } else {
            std::size_t run = std::max<std::size_t>(digit_run(text, at), 1);
            out += text.substr(at, run);
            at += run;
        }
    }
    return out;
}

// "OK…", and errors that are so young that they may be passing.
bool is_uninteresting(Evaluator& evaluator, const Message& message) {
    if (message.value.starts_with("OK")) return true;
    bool error = ("-" + message.name).find("-err-") != std::string::npos;
    auto length = stamp_length(message.value, 0);
    if (!error || !length) return false;
    auto timeout = state_of(evaluator).context().options.timeout;
    Number age =
        Number::parse(state_of(evaluator).system_time().text()) - Number::parse(message.value.substr(0, length));
    return age < Number::integer(timeout ? timeout : 30);
}

// Choices of the row: all or the; pretty-; global-; class; msg or count.
std::vector<Message> messages(Evaluator& evaluator, const Call& call) {
    auto& choices = call.binding.entry->choices;
    const State& state = state_of(evaluator);
    std::string directory = "actual-" + state.host();
    if (choices[2].empty() && !state.resource().empty()) directory = state.in_resource(directory);
    auto names = state.view().names(directory, std::string(kMessage) + choices[3]);
    std::sort(names.begin(), names.end(), glob_less);
    std::vector<Message> found;
    for (auto& name : names) {
        auto text = state.view().get_value(directory + "/" + name);
        if (!text) continue;
        Message message{name.substr(kMessage.size()), std::move(*text)};
        if (choices[0] == "all" || !is_uninteresting(evaluator, message)) found.push_back(std::move(message));
    }
    return found;
}

Flow message_family(Evaluator& evaluator, const Call& call, Value& out) {
    auto& choices = call.binding.entry->choices;
    std::string text;
    std::int64_t lines = 0;
    for (auto& message : messages(evaluator, call)) {
        std::string value =
            choices[1].empty() ? message.value : prettified(evaluator, message.value, choices[0] == "all");
        text.append(message.name).append(": ").append(value).append("\n");
        ++lines;
    }
    if (choices[4] == "count")
        out.set(lines);
    else
        out.set(std::move(text));
    return Flow::normal;
}

// Lines of the status files RESDIR/N.*.status; 4 fatal, 3 errors, 2 warnings.
Flow status_files(Evaluator& evaluator, const Call& call, Value& out) {
    auto& choices = call.binding.entry->choices;
    std::string_view level = choices[0] == "fat" ? "4." : choices[0] == "err" ? "3." : "2.";
    const State& state = state_of(evaluator);
    std::string directory = state.in_resource("");
    auto names = state.view().names(directory.substr(0, directory.size() - 1), level);
    std::sort(names.begin(), names.end(), glob_less);
    std::string text;
    for (auto& name : names) {
        if (!name.ends_with(".status")) continue;
        auto content =
            evaluator.outside().read_file(state_of(evaluator).context().mars_dir + "/" + directory + name).value_or("");
        if (!content.empty() && content.back() != '\n') content += '\n';
        text += prettified(evaluator, content, true);
    }
    // Any name that begins like this works; those that go on with "-count" count.
    bool count = call.name.find("count") != std::string_view::npos;
    if (count)
        out.set(static_cast<std::int64_t>(std::count(text.begin(), text.end(), '\n')));
    else
        out.set(std::move(text));
    return Flow::normal;
}

Flow log_status(Evaluator&, const Call&, Value&) {
    return Flow::normal;
}

Flow get_message(Evaluator& evaluator, const Call& call, Value& out) {
    const State& state = state_of(evaluator);
    std::string name;
    MARS_FLOW(evaluator.arg(call, 0, name));
    out.set(state.checked(state.in_resource("actual-" + state.host() + "/msg-" + name)));
    return Flow::normal;
}

constexpr Primitive kMessageStateRows[] = {
    {"{all,the}~{,pretty-}{,global-}{,err~,wrn~,inf~}{msg}", "{}", 0, 1, false, false,
     "Messages of the host about the resource, or (global, or without resource) about itself, as lines NAME: VALUE. "
     "`the` leaves "
     "out the uninteresting ones, `pretty` makes time stamps and error codes readable, err, wrn and inf select a "
     "class.",
     "[%all-msg{}]", "[]", message_family, Unit::lines, true},
    {"{all,the}~{,pretty-}{,global-}{,err~,wrn~,inf~}{count}", "{}", 0, 1, false, false, "Their number.",
     "%all-count{}", "0", message_family, Unit::count},
    {"get-resource-{fat,err,wrn}-count", "{}", 0, 1, false, false, "Number of lines in the status files.",
     "%get-resource-err-count{}", "0", status_files, Unit::count, true},
    {"get-resource-{fat,err,wrn}*", "{}", 0, 1, false, false,
     "Contents of the status files with fatal errors, errors, warnings. Longer names with this beginning mean the "
     "same.",
     "[%get-resource-err{}]", "[]", status_files, Unit::lines, true},
    {"get-log-status*", "{}", 0, 1, false, true, "Always empty. Longer names with this beginning mean the same.",
     "[%get-log-status{}]", "[]", log_status, Unit::text, true},
    {"get-msg", "{name}", 1, 1, false, true, "The message of that name.", "[%get-msg{err-disk}]", "[]", get_message},
};

} // namespace

std::span<const Primitive> message_state_primitives() {
    return kMessageStateRows;
}

} // namespace mars::macros
