// SPDX-License-Identifier: GPL-2.0-or-later
// Grammar of macro text, one rule per line; what is done with a match stands in parser.cpp.
// A call whose first argument is not balanced is ordinary text, so no rule here can fail as a whole.
// Spec: macro-language 1.3. Tests: tests/unit/macros/parser_test.cpp (with PEGTL's analyze()).
#pragma once

#include <tao/pegtl.hpp>

namespace mars::macros::grammar {

namespace peg = tao::pegtl;

// How deep braces may nest inside an argument. Spec: macro-language 1.12.
inline constexpr unsigned kBraceDepth = 20;

struct white_space : peg::one<' ', '\t', '\n', '\r', '\f', '\v'> {};
struct special : peg::sor<peg::one<'\\', '{', '}', '(', ')', '[', ']'>, white_space> {};

struct escape : peg::seq<peg::one<'\\'>, peg::any> {};
struct percent : peg::one<'%'> {};
struct name : peg::star<peg::seq<peg::not_at<special>, peg::any>> {};

template<unsigned Depth>
struct body;
template<unsigned Depth>
struct group : peg::seq<peg::one<'{'>, body<Depth - 1>, peg::one<'}'>> {};
template<>
struct group<0> : peg::failure {};
template<unsigned Depth>
struct body : peg::star<peg::sor<escape, peg::plus<peg::not_one<'{', '}', '\\'>>, group<Depth>>> {};

struct argument : peg::seq<peg::one<'{'>, body<kBraceDepth>, peg::one<'}'>> {};
struct call : peg::seq<percent, name, peg::plus<argument>> {};
struct no_call : peg::seq<percent, name> {}; // every '%' in it leads to the same brace: none can begin a call
struct plain : peg::sor<peg::plus<peg::not_one<'%', '\\'>>, peg::any> {};

struct text : peg::until<peg::eof, peg::sor<escape, call, no_call, plain>> {};

} // namespace mars::macros::grammar
