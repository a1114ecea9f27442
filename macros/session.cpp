// SPDX-License-Identifier: GPL-2.0-or-later
// The public interface: views of one or several resources. Spec: macro-language 1.10, 1.11, 5.2.
#include "kernel/base/plain_text.hpp"
#include <algorithm>

#include "macros/language/layout.hpp"
#include "macros/language/messages.hpp"
#include "macros/language/parser.hpp"
#include "macros/macros.hpp"
#include "macros/primitives.hpp"
#include "macros/state/evaluation.hpp"

namespace mars::macros {

struct Session::Parts : Evaluation {
    explicit Parts(Context& c) : Evaluation(c, vocabulary()), context(c) {}

    Context& context;
};

namespace {

std::string with_final_newline(std::string text) {
    if (!text.empty() && text.back() != '\n') text += '\n';
    return text;
}

void add_failure(Session::Frame& frame, std::string_view command, std::string_view resource, const failure& why) {
    frame.text.append("FAILURE cmd='").append(command).append("' res='").append(resource).append("'\n");
    frame.failures.emplace_back(std::string(resource), why);
}

// A resource that says nothing has a line, too: its value is empty.
std::string with_name_in_front(const std::string& resource, std::string_view text) {
    if (text.empty()) return resource + "\n";
    std::string out;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        out.append(resource).append(line.empty() ? "" : " ").append(line).append("\n");
    }
    return out;
}

std::string command_of(std::string_view name) {
    return name == "default" ? "view" : "view-" + std::string(name);
}

} // namespace

Session::Session(Context& context) : parts_(std::make_unique<Parts>(context)) {}
Session::~Session() = default;

result<std::string> Session::evaluate(const MacroPtr& macro, std::string_view resource,
                                      const std::vector<std::string>& args) {
    auto& evaluator = parts_->evaluator;
    evaluator.begin(macro->name, resource);
    MARS_TRY(std::string text, evaluator.run(*macro, macro->name, args));
    return with_final_newline(std::move(text));
}

void Session::begin(std::string_view command, std::string_view resource) {
    parts_->evaluator.begin(command, resource);
}

result<std::string> Session::evaluate_more(const MacroPtr& macro, std::string_view name) {
    return parts_->evaluator.run(*macro, name.empty() ? macro->name : name, {});
}

std::optional<std::string> Session::variable(std::string_view name) {
    auto* found = parts_->evaluator.env().find(parts_->evaluator.names().slot(name));
    return found ? std::optional(found->value.str()) : std::nullopt;
}

void Session::set_variable(std::string_view name, std::string_view value) {
    parts_->evaluator.env().assign(parts_->evaluator.names().slot(name), value);
}

const AddedPrimitive* Session::find_added(std::string_view name) const {
    return parts_->context.added ? parts_->context.added->find(name) : nullptr;
}

result<std::string> Session::view(std::string_view name, std::string_view resource,
                                  const std::vector<std::string>& args) {
    auto& evaluator = parts_->evaluator;
    const Macro* macro = parts_->library.find(name, true);
    if (!macro) return failure(std::errc::operation_canceled, message::cannot_find_macro(name));
    evaluator.begin(name, resource);
    if (!resource.empty() && parts_->state.is_split_brain())
        evaluator.warn("SPLIT BRAIN at resource '" + std::string(resource) + "': " + parts_->state.split_report());
    MARS_TRY(std::string text, evaluator.run(*macro, name, args));
    return with_final_newline(std::move(text));
}

Session::Frame Session::view_one(std::string_view name, std::string_view resource,
                                 const std::vector<std::string>& args) {
    Frame frame;
    auto text = view(name, resource, args);
    if (text)
        frame.text = std::move(*text);
    else
        add_failure(frame, command_of(name), resource, text.error());
    return frame;
}

// For programs: which resource a line is about stands in it.
bool Session::names_each_line(std::string_view name) {
    if (parts_->context.compat == Compat::v01a || name == "default") return false;
    for (auto suffix : {"-header", "-global", "-footer"})
        if (has_macro(std::string(name) + suffix)) return false;
    return true;
}

Session::Frame Session::view_resources(std::string_view name, const std::vector<std::string>& resources,
                                       const std::vector<std::string>& args) {
    Frame frame;
    auto& state = parts_->state;
    const bool is_table = names_each_line(name);
    for (auto& resource : resources) {
        if (is_table) {
            auto text = view(name, resource, args);
            if (text)
                frame.text += with_name_in_front(resource, *text);
            else
                frame.failures.emplace_back(resource, text.error());
            continue;
        }
        bool member = state.is_member(resource, parts_->context.host);
        frame.text += member ? "--------- resource " : "--------- guest ";
        auto title = view("default-resource", resource);
        frame.text += title ? *title : std::string();
        if (!title || title->empty()) frame.text += resource + "\n";
        auto text = view(name, resource, args);
        if (text)
            frame.text += *text;
        else
            add_failure(frame, command_of(name), resource, text.error());
    }
    return frame;
}

Session::Frame Session::view_all(std::string_view name, const std::vector<std::string>& resources,
                                 const std::vector<std::string>& args) {
    Frame frame;
    auto add_part = [&](std::string_view suffix) {
        std::string part = std::string(name) + std::string(suffix);
        const Macro* macro = parts_->library.find(part, true);
        if (!macro || macro->text.empty()) return;
        auto text = view(part, "");
        if (text)
            frame.text += *text;
        else
            add_failure(frame, command_of(part), "", text.error());
    };
    add_part("-header");
    Frame body = view_resources(name, resources, args);
    frame.text += body.text;
    frame.failures.insert(frame.failures.end(), body.failures.begin(), body.failures.end());
    if (resources.empty()) parts_->context.outside.warn("there are no resources on this host");
    add_part("-global");
    add_part("-footer");
    return frame;
}

bool Session::has_macro(std::string_view name) {
    return parts_->library.stored(name).has_value();
}

std::vector<MacroInfo> Session::list_macros() {
    return parts_->library.list();
}

std::optional<std::string> Session::source_of(std::string_view name) {
    auto stored = parts_->library.stored(name);
    if (!stored) return std::nullopt;
    return std::move(stored->text);
}

std::optional<std::string> Session::pretty(std::string_view name) {
    auto stored = parts_->library.stored(name);
    if (!stored) return std::nullopt;
    bool hash_anywhere = parts_->context.compat == Compat::v01a;
    return laid_out(*parse_macro(std::string(name), stored->file, stored->text, stored->origin, hash_anywhere));
}

std::vector<std::pair<std::string, std::string>> dump_macros(bool all, Compat compat) {
    std::vector<std::pair<std::string, std::string>> macros;
    for (auto name : built_in_names()) macros.emplace_back(name, *vocabulary().text(name, compat));
    for (auto& entry : primitive_entries())
        if (all && entry.row->viewable) macros.emplace_back(entry.name, vocabulary().stub(entry.name, compat) + "\\\n");
    return macros;
}

result<MacroPtr> parse(std::string text, std::string file, Compat compat) {
    if (text.size() > kMaxMacroBytes)
        return failure(std::errc::value_too_large, "macro text " + file + " has " + std::to_string(text.size()) +
                                                       " bytes; at most " + std::to_string(kMaxMacroBytes) +
                                                       " are allowed");
    std::string name = file.substr(file.rfind('/') + 1);
    if (name.ends_with(".tpl")) name.resize(name.size() - 4);
    bool hash_anywhere = compat == Compat::v01a;
    return parse_macro(std::move(name), std::move(file), plain_text(text), Origin::template_viewed, hash_anywhere);
}

result<std::string> view(Context& context, std::string_view name, std::string_view resource) {
    return Session(context).view(name, resource);
}

result<std::string> evaluate(Context& context, const MacroPtr& macro, std::string_view resource) {
    return Session(context).evaluate(macro, resource);
}

} // namespace mars::macros
