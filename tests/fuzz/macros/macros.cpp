// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever text is taken for a macro: parsing and evaluation end soon, within the limits, without a crash, in both
// modes; laid out on several lines it still parses. Input: the macro text.
#include <string>

#include "macros/language/layout.hpp"
#include "macros/macros.hpp"
#include "macros/tools/check.hpp"
#include "tests/fuzz/check.hpp"

using namespace mars::macros;
using mars::fuzz::check;

namespace {

// A tree with a little of everything.
class SmallView : public mars::tree::View {
  public:
    std::optional<mars::tree::Link> raw(std::string_view path) const override {
        static constexpr std::pair<std::string_view, std::string_view> kLinks[] = {
            {"uuid", "1234"},
            {"ips/ip-alpha", "10.0.0.1"},
            {"resource-r/primary", "alpha"},
            {"resource-r/size", "4096"},
            {"resource-r/data-alpha", "/dev/x"},
            {"resource-r/replay-alpha", "log-000000001-alpha,10,5"},
            {"resource-r/version-000000001-alpha", "h,log-000000001-alpha,100:"}};
        for (auto& [name, value] : kLinks)
            if (name == path) return mars::tree::Link{std::string(value), {}};
        return std::nullopt;
    }
    std::optional<mars::tree::FileInfo> file(std::string_view) const override { return std::nullopt; }
    std::vector<std::string> list(std::string_view dir) const override {
        if (dir.empty()) return {"ips", "resource-r", "uuid"};
        if (dir == "ips") return {"ip-alpha"};
        if (dir == "resource-r") return {"data-alpha", "primary", "replay-alpha", "size", "version-000000001-alpha"};
        return {};
    }
};

class NoOutside : public Outside {
  public:
    // Time passes only here, so that waiting ends.
    mars::result<void> sleep(std::int64_t) override { return {}; }
};

void evaluate_limited(const std::string& text, Compat compat) {
    SmallView view;
    NoOutside outside;
    Context context(view, outside, "alpha");
    context.compat = compat;
    context.macro_text = text;
    context.options.timeout = 3;
    context.limits = {.output_bytes = 100'000, .calls = 20'000, .nesting = 200, .stack_bytes = std::size_t{2} << 20};
    Session session(context);
    auto result = session.view("default", "r");
    // A text may grow by one result before it is looked at.
    check(!result || result->size() <= 300'000, "the output stays near its limit");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 20'000) return 0;
    std::string text(reinterpret_cast<const char*>(data), size);
    auto macro = parse(text, "fuzz.tpl");
    check(macro.has_value(), "every text of bounded size parses");
    parse(laid_out(**macro), "again.tpl").value();
    evaluate_limited(text, Compat::current);
    evaluate_limited(text, Compat::v01a);
    return 0;
}
