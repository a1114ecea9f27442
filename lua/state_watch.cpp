// SPDX-License-Identifier: GPL-2.0-or-later
#include "lua/state_watch.hpp"

#include "lua/macro_access.hpp"
#include "shell/command/hosts.hpp"

namespace mars::lua {

namespace {

// Changes come in groups: what follows so soon belongs to the same picture.
constexpr Duration kSettle = std::chrono::milliseconds(500);
constexpr Duration kRecheck = std::chrono::seconds(5);

// "OutDated[12 GiB]" without what changes all the time.
std::string word_of(const std::string& text) {
    return text.substr(0, text.find_first_of("[\n"));
}

} // namespace

StateWatch::Picture StateWatch::look() {
    Picture picture;
    auto& view = interpreter_.view();
    auto& ctx = interpreter_.context();
    for (const auto& resource : shell::all_resources(view)) {
        picture[{"state.primary", resource, ""}] = shell::designated_primary(view, resource).value_or("(none)");
        for (const char* what : {"handover", "application"}) // the same for every host
            if (auto text = view_macro(interpreter_, std::string(what) + "-state", resource))
                picture[{std::string("state.") + what, resource, ""}] = word_of(*text);
        for (const auto& host : shell::hosts_of(view, resource))
            for (const char* what : {"diskstate", "replstate", "role"})
                if (auto text = view_macro(interpreter_, what, resource, host))
                    picture[{std::string("state.") + what, resource, host}] = word_of(*text);
    }
    for (const auto& host : shell::cluster_hosts(view)) {
        auto time = view.get("actual-" + host + "/time");
        bool heard = time && ctx.age(time->stamp) < ctx.options().window;
        picture[{"state.host", "", host}] = heard ? "heard" : "silent";
    }
    return picture;
}

env::task<void> StateWatch::tell(const Picture& before, const Picture& now) {
    for (const auto& [key, value] : now) {
        const auto& [name, resource, host] = key;
        auto old = before.find(key);
        if (old != before.end() && old->second == value) continue;
        shell::Event event(name, resource, name == "state.primary" && value != "(none)" ? value : host);
        event.values["old"] = old == before.end() ? "" : old->second;
        event.values["new"] = value;
        auto told = co_await shell::fire(&hooks_, std::move(event));
        if (!told) interpreter_.surroundings().output.warning(told.error().text);
    }
}

std::vector<std::string> StateWatch::places() const {
    auto& view = interpreter_.view();
    std::vector<std::string> all{"", "ips"};
    for (const auto& host : shell::cluster_hosts(view)) all.push_back("actual-" + host);
    for (const auto& resource : shell::all_resources(view)) {
        auto directory = tree::resource_dir(resource);
        all.push_back(directory);
        all.push_back(directory + "/userspace");
        for (const auto& host : shell::hosts_of(view, resource))
            for (const char* kind : {"/actual-", "/todo-"}) all.push_back(directory + kind + host);
    }
    return all;
}

env::task<result<void>> StateWatch::run() {
    auto before = look();
    while (true) {
        MARS_CO_TRY(bool changed, co_await interpreter_.view().wait_for_change(places(), kRecheck));
        if (changed) co_await interpreter_.machine().env().clock().sleep(kSettle);
        auto now = look();
        co_await tell(before, now);
        before = std::move(now);
    }
}

} // namespace mars::lua
