// SPDX-License-Identifier: GPL-2.0-or-later
// Spec: macro-language 5.4.
#include "macros/tools/differences.hpp"

namespace mars::macros {

namespace {

constexpr Difference kDifferences[] = {
    {"%min gives the smallest operand, %max the largest one.", "They are exchanged.", "%min{3}{5}{1} %max{3}{5}{1}",
     "1 5", "5 1"},
    {"%and and %or evaluate every operand that they reach.",
     "An operand that is written as 0 or empty ends the chain before it.", "%and{1}{0} [%and{1}{}]", "0 []", "1 [1]"},
    {"The bit operators work on 64-bit integers.", "They combine the bytes of their operands as texts.",
     "%&{12}{10} %|{12}{3}", "8 15", "10 32"},
    {"%~ is the complement of a 64-bit integer.", "It complements each byte of the text.", "%length{%~{0}}", "20", "1"},
    {"A macro or viewable primitive that is called directly leaves the caller's %{0}, %{1}, … alone.",
     "They are overwritten with its own name and arguments.", "%let{1}{A}%uuid{}[%{1}]",
     "nodea 1640000000.000000000[A]", "nodea 1640000000.000000000[]"},
    {"Arguments of viewable primitives take effect in every spelling.",
     "Delimiters and limits, and second arguments, need the spelling %primitive-NAME.", "%summary-vector{,}",
     "10000000,45000000,70000000", "10000000:45000000:70000000"},
    {"%next goes on with the next round of the innermost loop.", "It ends only the text in which it stands.",
     "%foreach{v}{1,2}{,}{%if{1}{%next{}}%{v}}", "", "12"},
    {"%last leaves the innermost loop.", "It sets a variable, and ends the text in which it stands.",
     "%foreach{v}{1,2,3}{,}{%{v}%last{}x}", "1", "123"},
    {"%return ends the macro.", "It sets a variable.", "a%return{}b%{host}", "a", "abnodeb"},
    {"%abort ends the macro with an empty result.", "It sets a variable.", "[a%abort{}b]", "", "[ab]"},
    {"%stop-eval leaves the rest of the text unevaluated.", "It sets a variable.", "a%stop-eval{}b%{host}", "ab%{host}",
     "abnodeb"},
    {"Options of %match and %subst add to the default m.", "They replace it.", "[%match{a\nb}{^b$}{i}]", "[1]", "[]"},
    {"Percentages and per mille are exact.", "Half a step is added.", "%sprintf{%.2f}{%work-percent{}}", "14.29",
     "14.36"},
    {"%todo-secondary tells whether the host is not designated as primary.", "It is always 0.", "%todo-secondary{}",
     "1", "0"},
    {"Waiting for secondary waits for the opposite of primary.", "It waits for primary.", "%wait-is-secondary-on{}x",
     "x", "FAIL"},
    {"%comminfo hides only lines with the word CONNECTED.", "It also hides those with DISCONNECTED.",
     "%if{%comminfo{}}{shown}{hidden}", "shown", "hidden", "actual-nodeb/msg-inf-net -> DISCONNECTED from nodea"},
    {"%default-header shows the digest of the network as such.", "It shows the digest of the logs in its place.",
     "%match{%default-header{}}{net-digest=\"CHKSUM_MD5\"}|", "|", "1|", "actual-nodeb/used-log-digest -> 0x00020000"},
    {"The format of %sprintf is evaluated like any argument.", "It is used as it is written.",
     "%sprintf{%{host}: %03d}{7}", "nodeb: 007", "%{host}: 007"},
    {"A # begins a comment at the start of the text or after white space; \\# is a plain #.",
     "It begins one wherever it stands.", "%let{x}{#1}[%{x}]", "[#1]", "{"},
    {"A missing link `primary` counts as none, with a warning.", "It makes nearly every view of the resource fail.",
     "%role{}", "Secondary", "FAIL", "resource-vol1/primary removed"},
    {"%alive-lag compares this host (or the one given) with the primary.",
     "Without an argument it compares the primary with itself.", "%alive-lag{}", "1", "0"},
    {"The name that %call and %include are given is evaluated once.", "It is evaluated a second time for %{0}.",
     "%let{n}{}%include{%append{n}{r}role}|%{n}", "Secondary|r", "Secondary|rr"},
    {"A regular file is a disk like a block device.", "%disk-present is empty for it.", "[%disk-present{}]", "[1]",
     "[]", "disk file"},
    {"%device-info and %device-stats tell the error of a device also when it is closed or gone.",
     "They tell it only of an opened one.", "%match{%device-info{}}{DEVICE_ERROR=-28}|", "1|", "|",
     "resource-vol1/actual-nodeb/if-state -> -28"},
    {"%fetch-lag, %replay-lag and %work-lag are -1 when nothing is heard of one of both hosts, 0 when both are level.",
     "They compare the stamps, whatever has happened since.", "%primitive-replay-lag{nodea}{nodeb}", "-1", "5",
     "actual-nodea/alive -> 1 @-90"},
    {"%diskstate and %replstate tell the age of what they say when nothing is heard of the primary for 5 s.",
     "They tell what was heard last as if it were true now.", "%match{%replstate{}}{no news of nodea}|", "1|", "|",
     "actual-nodea/alive -> 1 @-90"},
    {"%replstate of a primary is SecondaryUnreachable when nothing is heard of a member for 5 s.", "It is Replicating.",
     "%let{host}{nodea}%replstate{}", "SecondaryUnreachable", "Replicating", "actual-nodeb/alive -> 1 @-90"},
    {"An empty regular expression matches everywhere.", "It matches only the name of the primitive itself.",
     "%subst{hello}{}{x}", "xhello", "hello"},
};

} // namespace

std::span<const Difference> differences() {
    return kDifferences;
}

} // namespace mars::macros
