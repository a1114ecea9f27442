// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/terminal/completions.hpp"

#include "kernel/base/replace.hpp"
#include "shell/command/options.hpp"

namespace mars::shell {

namespace {

bool is_shown(const Verb& verb) {
    return verb.is_built() && verb.level <= kExpert;
}

std::string verb_words(const VerbRegistry& verbs) {
    std::string words;
    for (const auto* verb : verbs.built_in()) {
        if (!is_shown(*verb)) continue;
        words += " " + std::string(verb->name);
        for (auto alias : verb->aliases)
            if (alias.size() > 1) words += " " + std::string(alias);
    }
    return words.substr(1);
}

// "--force --timeout= …"
std::string option_words() {
    std::string words;
    for (const auto& row : option_table()) {
        if (!row.effective || row.name == "ip-PEER") continue;
        words += " --" + std::string(row.name) + (row.value.empty() || row.value.starts_with('[') ? "" : "=");
    }
    return words.substr(1);
}

// The verbs whose first word is a resource (or not), as alternatives of a case.
std::string verbs_with_resource(const VerbRegistry& verbs) {
    std::string words;
    for (const auto* verb : verbs.built_in())
        if (is_shown(*verb) && verb->resource != ResourceArgument::none)
            words += (words.empty() ? "" : "|") + std::string(verb->name);
    return words;
}

// In double quotes of a zsh array element "NAME:TEXT".
std::string quoted(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '"' || c == '\\' || c == '$' || c == '`') out += '\\';
        if (c == ':') out += '\\';
        out += c;
    }
    return out;
}

constexpr std::string_view kBash = R"~(# Completion of marsadm for bash. Made by: marsadm help-completion bash
_marsadm_names() { # DIRECTORY PREFIX: names in the tree without the prefix
    local path
    for path in "${MARS_DIR:-/mars}/$1$2"*; do
        [ -e "$path" ] || [ -L "$path" ] || continue
        path=${path##*/}
        printf '%s\n' "${path#"$2"}"
    done
}

_marsadm() {
    local line=${COMP_LINE:0:COMP_POINT} piece=${COMP_WORDS[COMP_CWORD]} words word verb='' position=0 offers='' i
    local verbs='@VERBS@'
    local options='@OPTIONS@'
    COMPREPLY=()
    # Bash takes =, @ and : for words of their own: the whole words come from the line.
    read -ra words <<< "$line"
    [[ $line == *[[:blank:]] ]] && words+=('')
    word=${words[-1]}
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        case ${words[i]} in
            -* | @*) ;;
            *) if [ -z "$verb" ]; then verb=${words[i]}; else position=$((position + 1)); fi ;;
        esac
    done
    case $word,$verb,$position in
        --host=*) offers=$(_marsadm_names ips/ ip- | sed 's/^/--host=/') ;;
        -*)
            offers=$options
            [[ $(compgen -W "$options" -- "$word") == *= ]] && compopt -o nospace 2> /dev/null ;;
        @*) offers=$({ echo all; _marsadm_names ips/ ip-; _marsadm_names '' resource-; } | sed 's/^/@/') ;;
        *,,*) offers=$verbs ;;
        *,help,0) offers=$verbs ;;
        *,plugins,0) offers='list check' ;;
        *,templates,0) offers='check list show' ;;
        *,lua,0 | *,shell,0 | *,create-resource,1 | *,join-resource,1)
            mapfile -t COMPREPLY < <(compgen -f -- "$piece")
            compopt -o filenames 2> /dev/null
            return ;;
        *,0)
            case $verb in
                @WITHRES@ | view-*) offers="all $(_marsadm_names '' resource-)" ;;
                *) offers=$(_marsadm_names ips/ ip-) ;;
            esac ;;
        *) offers=$(_marsadm_names ips/ ip-) ;;
    esac
    [[ $piece == [@:=] ]] && piece=''
    mapfile -t COMPREPLY < <(compgen -W "$offers" -- "$word")
    COMPREPLY=("${COMPREPLY[@]#"${word%"$piece"}"}")
}
complete -F _marsadm marsadm
)~";

constexpr std::string_view kZsh = R"~(#compdef marsadm
# Completion of marsadm for zsh. Made by: marsadm help-completion zsh
_marsadm() {
    local root=${MARS_DIR:-/mars}
    local -a verbs options resources hosts
    verbs=(
@VERBS@)
    options=(@OPTIONS@)
    resources=(all ${root}/resource-*(N:t:s/resource-//))
    hosts=(${root}/ips/ip-*(N:t:s/ip-//))
    if [[ $words[CURRENT] == -* ]]; then
        compadd -S '' -- ${(M)options:#*=}
        compadd -- ${options:#*=}
    elif [[ $words[CURRENT] == @* ]]; then
        compadd -P @ -- all $hosts ${resources:#all}
    elif [[ -z ${${words[2,CURRENT-1]:#-*}:#@*} ]]; then
        _describe verb verbs
    else
        compadd -- $resources $hosts
        _files
    fi
}
_marsadm "$@"
)~";

} // namespace

std::string bash_completion(const VerbRegistry& verbs) {
    auto text = replaced(std::string(kBash), "@VERBS@", verb_words(verbs));
    text = replaced(text, "@OPTIONS@", option_words());
    return replaced(text, "@WITHRES@", replaced(verbs_with_resource(verbs), "|", " | "));
}

std::string zsh_completion(const VerbRegistry& verbs) {
    std::string rows;
    for (const auto* verb : verbs.built_in())
        if (is_shown(*verb)) rows += "        \"" + quoted(verb->name) + ":" + quoted(verb->summary) + "\"\n";
    return replaced(replaced(std::string(kZsh), "@VERBS@", rows + "    "), "@OPTIONS@", option_words());
}

} // namespace mars::shell
