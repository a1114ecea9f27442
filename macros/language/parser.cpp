// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/parser.hpp"

#include "kernel/base/characters.hpp"
#include "macros/language/grammar.hpp"

namespace mars::macros {

namespace {

// Collects the nodes of one text while PEGTL walks over it.
struct Builder {
    Text& text;
    std::string_view name;
    std::vector<std::string_view> args;
};

Text build(std::string_view source);

template<class Input>
std::string_view matched(const Input& in) {
    return {in.begin(), in.size()};
}

void add_literal(Text& text, std::string_view source) {
    if (!text.nodes.empty() && text.nodes.back().kind == Node::Kind::literal) {
        auto& last = text.nodes.back().source;
        last = {last.data(), last.size() + source.size()};
        return;
    }
    Node node;
    node.source = source;
    text.nodes.push_back(std::move(node));
}

// The meaning of an escaped byte. Spec: macro-language 1.4.
void add_escape(Text& text, std::string_view source) {
    static constexpr std::string_view kLetters = "trfbaen", kMeanings = "\t\r\f\b\a\x1b\n";
    Node node;
    node.kind = Node::Kind::escape;
    node.source = source;
    node.byte = source[1];
    bool letter = is_alpha(node.byte);
    if (auto at = kLetters.find(node.byte); at != std::string_view::npos)
        node.byte = kMeanings[at];
    else
        node.reserved = letter;
    text.nodes.push_back(std::move(node));
}

void add_call(Builder& builder, std::string_view source) {
    Node node;
    node.kind = Node::Kind::call;
    node.source = source;
    node.call = std::make_unique<Call>();
    node.call->name = builder.name;
    node.call->source = source;
    node.call->args.reserve(builder.args.size());
    for (auto arg : builder.args) node.call->args.push_back(build(arg));
    builder.text.nodes.push_back(std::move(node));
}

template<class Rule>
struct action : tao::pegtl::nothing<Rule> {};

template<>
struct action<grammar::percent> {
    static void apply0(Builder& builder) { builder.args.clear(); }
};
template<>
struct action<grammar::name> {
    template<class Input>
    static void apply(const Input& in, Builder& builder) {
        builder.name = matched(in);
    }
};
template<>
struct action<grammar::argument> {
    template<class Input>
    static void apply(const Input& in, Builder& builder) {
        auto braces = matched(in);
        builder.args.push_back(braces.substr(1, braces.size() - 2));
    }
};
template<>
struct action<grammar::call> {
    template<class Input>
    static void apply(const Input& in, Builder& builder) {
        add_call(builder, matched(in));
    }
};
template<>
struct action<grammar::no_call> {
    template<class Input>
    static void apply(const Input& in, Builder& builder) {
        add_literal(builder.text, matched(in));
    }
};
template<>
struct action<grammar::plain> : action<grammar::no_call> {};

// `escape` also occurs inside arguments, where it must not make a node: only the top level runs this action.
template<class Rule>
struct top_action : action<Rule> {};
template<>
struct top_action<grammar::escape> {
    template<class Input>
    static void apply(const Input& in, Builder& builder) {
        add_escape(builder.text, matched(in));
    }
};
template<>
struct top_action<grammar::call> : tao::pegtl::change_action<action> {};

// A constant that is the canonical text of an integer is kept as one.
Value constant_value(std::string_view text) {
    Value value;
    Number number = Number::parse(text);
    if (number.fits_signed() && number.text() == text)
        value.set(number.as_signed());
    else
        value.borrow(text);
    return value;
}

void classify(Text& text) {
    bool has_call = false, has_escape = false, reserved = false;
    for (auto& node : text.nodes) {
        has_call |= node.kind == Node::Kind::call;
        has_escape |= node.kind == Node::Kind::escape;
        reserved |= node.reserved;
    }
    if (has_call || reserved) {
        bool only = text.nodes.size() == 1 && has_call;
        text.shape = only ? Text::Shape::call : Text::Shape::mixed;
        text.only = only ? text.nodes.front().call.get() : nullptr;
        return;
    }
    if (!has_escape) return;
    for (auto& node : text.nodes) {
        if (node.kind == Node::Kind::escape)
            text.merged += node.byte;
        else
            text.merged += node.source;
    }
}

// Called when the text has reached its final address, since a constant borrows from it.
void fix_constants(Text& text) {
    for (auto& node : text.nodes) {
        if (!node.call) continue;
        for (auto& arg : node.call->args) fix_constants(arg);
    }
    if (text.shape == Text::Shape::constant)
        text.constant = constant_value(text.merged.empty() ? text.source : std::string_view(text.merged));
}

Text build(std::string_view source) {
    Text text;
    text.source = source;
    Builder builder{text, {}, {}};
    tao::pegtl::memory_input<tao::pegtl::tracking_mode::lazy> input(source.data(), source.size(), "");
    tao::pegtl::parse<grammar::text, top_action>(input, builder);
    classify(text);
    return text;
}

} // namespace

MacroPtr parse_macro(std::string name, std::string file, std::string original, Origin origin, bool hash_anywhere) {
    auto macro = std::make_shared<Macro>();
    Source source = preprocess(original, origin, hash_anywhere);
    macro->name = std::move(name);
    macro->file = std::move(file);
    macro->original = std::move(original);
    macro->text = std::move(source.text);
    macro->origin = std::move(source.offsets);
    macro->tree = build(macro->text);
    fix_constants(macro->tree);
    return macro;
}

MacroPtr parse_result(std::string name, std::string file, std::string text) {
    auto macro = std::make_shared<Macro>();
    macro->name = std::move(name);
    macro->file = std::move(file);
    macro->original = std::move(text);
    macro->text = macro->original;
    macro->tree = build(macro->text);
    fix_constants(macro->tree);
    return macro;
}

} // namespace mars::macros
