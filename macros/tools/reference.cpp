// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/tools/reference.hpp"

#include "kernel/base/characters.hpp"
#include "kernel/base/roff.hpp"
#include "kernel/base/wrap.hpp"
#include "macros/macros.hpp"
#include "macros/primitives.hpp"
#include "macros/tools/differences.hpp"

namespace mars::macros {

namespace {

constexpr std::size_t kWidth = 78;

std::string visible(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

std::string roff_line(std::string_view text) {
    return roff(visible(text));
}

// Names of the row without alternatives: "sync-rest fetch-rest …"; long families are left in braces.
std::string names_of(const Primitive& row) {
    std::string names;
    for (auto& entry : primitive_entries())
        if (entry.row == &row) names += (names.empty() ? "%" : "  %") + entry.name + std::string(row.usage);
    if (names.size() <= 3 * kWidth) return names;
    std::string pattern(row.spelling);
    for (char& c : pattern)
        if (c == '=' || c == '~') c = '-';
    return "%" + pattern + std::string(row.usage);
}

void write_row(std::string& page, const Primitive& row) {
    page.append(".TP\n.B ").append(roff_line(names_of(row))).append("\n").append(roff_line(row.doc)).append("\n");
    page.append(".br\nExample: \\fB")
        .append(roff_line(row.example))
        .append("\\fR yields \\(lq")
        .append(roff_line(row.result));
    page.append("\\(rq\n");
}

void write_differences(std::string& page) {
    page += ".SH DIFFERENCES FROM RELEASE 0.1A\nThe option \\fB\\-\\-compat=0.1a\\fR, also a setting of marsadm.conf, "
            "brings the "
            "behaviour of releases up to 0.1a back.\n";
    for (auto& difference : differences()) {
        page.append(".TP\n")
            .append(roff_line(difference.now))
            .append("\n")
            .append(roff_line("Up to 0.1a: "))
            .append(roff_line(difference.before));
        page.append("\n.br\nExample: \\fB").append(roff_line(difference.example)).append("\\fR yields \\(lq");
        page.append(roff_line(difference.result_now))
            .append("\\(rq, up to 0.1a \\(lq")
            .append(roff_line(difference.result_before));
        page.append("\\(rq\n");
    }
}

constexpr std::string_view kIntroduction =
    ".TH MARS\\-MACROS 7\n.SH NAME\nmars\\-macros \\- the macro language of marsadm view\n"
    ".SH DESCRIPTION\n"
    "\\fBmarsadm view\\-NAME\\fR evaluates the macro NAME: a text in which calls \\fB%name{argument}{argument}\\fR are "
    "replaced by "
    "their results.\n"
    "Arguments follow each other without blanks; braces in them must pair. A backslash takes the meaning from the byte "
    "behind it; "
    "\\fB\\en \\et \\er \\ee\\fR are newline, tab, carriage return and escape.\n"
    ".PP\nComments: from # (at the start or after white space) or // (before white space) to the end of the line, and "
    "/* ... */. "
    "A backslash at the end of a line joins it with the next one, without the white space there.\n"
    ".PP\nEvery value is a text. Empty and 0 are false, all else is true.\n"
    ".PP\nMacros are looked up as files NAME.tpl in $HOME/.marsadm, /etc/marsadm, /usr/lib/marsadm, "
    "/usr/local/lib/marsadm, then "
    "among the built\\-in ones, then among the viewable primitives. Your own macros should be called NAME\\-COMPANY: "
    "such names "
    "are never used by MARS.\n"
    ".PP\nExamples that read the state were made for the host nodeb of a sample cluster.\n";

} // namespace

std::string help_text(std::string_view name) {
    auto* entry = find_primitive(name);
    if (!entry) return {};
    const Primitive& row = *entry->row;
    std::string text = "%" + entry->name + std::string(row.usage) + "\n" + wrap(row.doc, kWidth, 4, 4);
    if (row.viewable) text += "    Can be viewed: marsadm view-" + entry->name + "\n";
    return text + "    Example: " + visible(row.example) + " yields \"" + visible(row.result) + "\"\n";
}

std::string reference_page() {
    std::string page(kIntroduction);
    for (auto& chapter : primitive_table()) {
        page.append(".SH ");
        for (char c : chapter.title) page += to_upper(c);
        page += "\n";
        for (auto& row : chapter.rows) write_row(page, row);
    }
    page += ".SH BUILT\\-IN MACROS\n";
    std::string names;
    for (auto name : built_in_names()) names.append(names.empty() ? "" : " ").append(name);
    page += roff_line(names) + "\n";
    write_differences(page);
    return page + ".SH SEE ALSO\n\\fBmarsadm\\fR(8)\n";
}

} // namespace mars::macros
