// SPDX-License-Identifier: GPL-2.0-or-later
// Primitives on strings. Spec: macro-language 2.5, 2.7, 2.8.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "macros/language/evaluator.hpp"
#include "macros/language/human.hpp"
#include "macros/language/perl_format.hpp"
#include "macros/language/rows.hpp"

namespace mars::macros {

namespace {

Flow length(Evaluator& evaluator, const Call& call, Value& out) {
    MARS_FLOW(evaluator.arg(call, 0, out));
    Value::Buffer buffer;
    out.set(static_cast<std::int64_t>(out.view(buffer).size()));
    return Flow::normal;
}

template<char First, char Last, int Shift>
Flow shift_letters(Evaluator& evaluator, const Call& call, Value& out) {
    MARS_FLOW(evaluator.arg(call, 0, out));
    for (char& c : out.edit())
        if (c >= First && c <= Last) c = static_cast<char>(c + Shift);
    return Flow::normal;
}

// Pattern, options and compiled form of a match or substitution. `ok` is false after a soft failure.
struct Search {
    std::string subject, pattern;
    RegexOptions options;
    Regex regex;
    bool ok = false;
};

// Options replace the default `m` in releases up to 0.1a; now they add to it.
Flow prepare(Evaluator& evaluator, const Call& call, std::size_t options_at, std::string_view empty_pattern,
             Search& search) {
    bool given = options_at < call.args.size();
    std::string letters;
    MARS_FLOW(evaluator.arg(call, options_at, letters));
    auto options = parse_regex_options(letters, options_at == 3);
    if (!options || refuses_interpolation(search.pattern)) return Flow::normal;
    search.options = *options;
    if (!given || !evaluator.compat()) search.options.flags |= PCRE2_MULTILINE;
    // An empty pattern used to mean the latest one that matched: the one that found the primitive.
    if (evaluator.compat() && search.pattern.empty()) search.pattern = empty_pattern;
    search.regex = evaluator.regexes().compile(search.pattern, search.options.flags);
    search.ok = static_cast<bool>(search.regex);
    return Flow::normal;
}

Flow match(Evaluator& evaluator, const Call& call, Value& out) {
    Search search;
    Regex::Groups groups;
    MARS_FLOW(evaluator.arg(call, 0, search.subject));
    MARS_FLOW(evaluator.arg(call, 1, search.pattern));
    MARS_FLOW(prepare(evaluator, call, 2, "^=~$", search));
    out.set_flag(search.ok && search.regex.find(search.subject, 0, false, groups));
    return Flow::normal;
}

Flow substitute_matches(Evaluator& evaluator, const Call& call, const Search& search, const Replacement& replacement,
                        std::string& out) {
    std::string_view subject = search.subject;
    Regex::Groups groups;
    std::size_t from = 0, copied = 0;
    bool after_empty = false;
    while (from <= subject.size() && search.regex.find(subject, from, after_empty, groups)) {
        out += subject.substr(copied, groups[0] - copied);
        replacement.apply(subject, groups, out, evaluator.output_limit());
        if (evaluator.grew_too_far(out.size())) return evaluator.fail_output(call);
        copied = from = groups[1];
        after_empty = groups[0] == groups[1];
        if (!search.options.global) break;
    }
    out += subject.substr(copied);
    return Flow::normal;
}

Flow substitute(Evaluator& evaluator, const Call& call, Value& out) {
    Search search;
    std::string text;
    MARS_FLOW(evaluator.arg(call, 0, search.subject));
    MARS_FLOW(evaluator.arg(call, 1, search.pattern));
    MARS_FLOW(evaluator.arg(call, 2, text));
    MARS_FLOW(prepare(evaluator, call, 3, "^subst$", search));
    auto replacement = Replacement::parse(text);
    if (search.ok && replacement && !search.options.keep_original)
        return substitute_matches(evaluator, call, search, *replacement, out.own());
    out.set(std::move(search.subject));
    return Flow::normal;
}

// Releases up to 0.1a use the format as it is written.
Flow sprintf_(Evaluator& evaluator, const Call& call, Value& out) {
    std::string format(call.args[0].source);
    if (!evaluator.compat()) MARS_FLOW(evaluator.arg(call, 0, format));
    std::vector<std::string> args(call.args.size() - 1);
    for (std::size_t i = 0; i < args.size(); ++i) MARS_FLOW(evaluator.arg(call, i + 1, args[i]));
    out.set(perl_format(format, args, evaluator.output_limit()));
    Value::Buffer buffer;
    return evaluator.grew_too_far(out.view(buffer).size()) ? evaluator.fail_output(call) : Flow::normal;
}

constexpr Primitive kStringRows[] = {
    {"{match,=~}", "{text}{regex}[{options}]", 2, 3, false, true,
     "1 if the regular expression matches somewhere in the text, else empty. Perl dialect, on bytes. Options: i m s x "
     "n g; m is "
     "always on. A malformed expression does not match.",
     "%match{hello}{^h.*o$}", "1", match},
    {"subst", "{text}{regex}{replacement}[{options}]", 3, 4, false, true,
     "The text with the first match (option g: every match) replaced. The replacement may hold $1, ${1}, $&, \\1, \\t "
     "\\n \\xHH and "
     "the case operators \\u \\l \\U \\L \\Q \\E.",
     "%subst{12:34}{(\\\\d+):(\\\\d+)}{$2:$1}", "34:12", substitute},
    {"length", "{text}", 1, 1, false, true, "Number of bytes.", "%length{%{host}}", "5", length},
    {"toupper", "{text}", 1, 1, false, true, "The text with ASCII letters in upper case.", "%toupper{abc1}", "ABC1",
     shift_letters<'a', 'z', -32>},
    {"tolower", "{text}", 1, 1, false, true, "The text with ASCII letters in lower case.", "%tolower{ABC}", "abc",
     shift_letters<'A', 'Z', 32>},
    {"*printf", "{format}{value}…", 1, kAnyNumber, false, true,
     "Formatted output like Perl's sprintf: flags - + 0 # blank, width, precision, *, %N$, conversions s c d i u o x X "
     "b B e E f g "
     "G, and the v flag.",
     "%sprintf{%05d|%.2f}{42}{2.675}", "00042|2.67", sprintf_},
    {"{human-numbers,human-number}", "{unit}{delimiter}{separator}{n}…", 3, kAnyNumber, false, true,
     "Numbers of bytes in one common unit: the given one (t, g, m, k; a lower-case first letter means powers of 1000), "
     "or one that "
     "suits the largest number. Delimiter between numbers: `/`; separator before the unit: a blank.",
     "%human-numbers{}{}{}{1024}{1048576}", "0.001/1.000 MiB", human_numbers},
    {"human-seconds", "{n}", 1, 1, false, true, "HH:MM:SS; `--:--:--` for an empty or negative number.",
     "%human-seconds{3661}", "01:01:01", human_seconds},
};

} // namespace

std::span<const Primitive> string_primitives() {
    return kStringRows;
}

} // namespace mars::macros
