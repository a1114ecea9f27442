// SPDX-License-Identifier: GPL-2.0-or-later
#include "macros/language/layout.hpp"

namespace mars::macros {

namespace {

constexpr std::size_t kShort = 60; // calls up to this many bytes stay on one line

class Layout {
  public:
    std::string run(const Macro& macro) {
        write(macro.tree, 0);
        if (!out_.ends_with('\n') && !out_.empty()) out_ += "\\\n";
        return std::move(out_);
    }

  private:
    static bool is_long(const Node& node) { return node.call && node.source.size() > kShort; }

    // A line may be broken only where nothing else follows that a continuation would take away.
    void break_line(int depth) { out_.append("\\\n").append(static_cast<std::size_t>(2 * depth), ' '); }

    void write(const Text& text, int depth) {
        for (std::size_t i = 0; i < text.nodes.size(); ++i) {
            auto& node = text.nodes[i];
            bool after_long = i > 0 && is_long(text.nodes[i - 1]) && node.call;
            if (i > 0 && (is_long(node) || after_long) && !out_.ends_with('\\')) break_line(depth);
            if (is_long(node))
                write_long(*node.call, depth);
            else
                out_ += node.source;
        }
    }

    void write_long(const Call& call, int depth) {
        out_.append("%").append(call.name);
        for (auto& arg : call.args) {
            bool breaks = arg.source.size() > kShort;
            if (&arg != &call.args.front() || breaks) break_line(depth);
            out_ += '{';
            if (breaks && !arg.nodes.empty() && is_long(arg.nodes.front())) break_line(depth + 1);
            write(arg, depth + 1);
            out_ += '}';
        }
    }

    std::string out_;
};

} // namespace

std::string laid_out(const Macro& macro) {
    return Layout().run(macro);
}

} // namespace mars::macros
