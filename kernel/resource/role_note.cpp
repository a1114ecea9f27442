// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/resource/role_note.hpp"

namespace mars::resource {

std::string RoleNote::present() const {
    const auto primary = tree_.get(view_.key("primary"));
    return primary ? text_of(*primary) : "";
}

env::task<result<void>> RoleNote::renew(std::function<bool()> may_note) {
    while (true) {
        const auto now = present();
        if (now == seen_) co_return result<void>();
        auto durable = co_await tree_.sync();
        if (!durable) co_return durable.error().with("that the primary is " + now + " cannot be kept");
        if (present() != now) continue; // another one has come meanwhile
        if (may_note()) seen_ = now;
        co_return result<void>();
    }
}

} // namespace mars::resource
