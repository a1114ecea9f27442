// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

class ReasonCategory final : public std::error_category {
  public:
    const char* name() const noexcept override { return "marsadm"; }
    std::string message(int value) const override {
        return std::string(kReasons[static_cast<std::size_t>(value) % kReasons.size()].summary);
    }
};

const ReasonCategory& category() {
    static const ReasonCategory instance;
    return instance;
}

const ReasonRow& row(Reason reason) {
    return kReasons[static_cast<std::size_t>(reason.index())];
}

} // namespace

failure refusal(Reason reason, std::string text) {
    return {std::error_code(reason.index(), category()), std::move(text)};
}

const ReasonRow& reason_of(const failure& f) {
    if (f.code.category() == category()) return kReasons[static_cast<std::size_t>(f.code.value())];
    if (f.is(std::errc::no_space_on_device)) return row("sys.nospace");
    if (f.is(std::errc::operation_canceled)) return row("verb.interrupted");
    return row("sys.io");
}

bool has_reason(const failure& f, Reason reason) {
    return f.code.category() == category() && f.code.value() == reason.index();
}

char class_letter(FailureClass failure_class) {
    constexpr std::string_view letters = "USPFTXRI";
    return letters[static_cast<std::size_t>(failure_class)];
}

int exit_code(FailureClass failure_class) {
    switch (failure_class) {
    case FailureClass::usage:
        return 2;
    case FailureClass::system:
        return 4;
    case FailureClass::timeout:
        return 3;
    case FailureClass::internal:
        return 6;
    case FailureClass::precondition:
    case FailureClass::overridable:
    case FailureClass::unsupported:
    case FailureClass::remote:
        return 1;
    }
    return 6;
}

} // namespace mars::shell
