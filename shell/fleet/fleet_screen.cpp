// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/fleet/fleet_screen.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "kernel/base/split.hpp"
#include "shell/command/wait.hpp"
#include "shell/words/reason.hpp"

namespace mars::shell {

namespace {

constexpr std::size_t kMostLive = 20; // lines; more hosts are counted

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

// The last line of `text` that is not empty, without what a terminal would take for commands.
std::string last_line(std::string_view text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    auto newline = text.find_last_of("\r\n");
    std::string line(newline == std::string_view::npos ? text : text.substr(newline + 1));
    std::replace_if(
        line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return line;
}

// Each line of `text` behind "NAME: ".
std::string behind_name(const std::string& name, std::string_view text) {
    std::string all;
    while (!text.empty()) {
        auto line = take_part(text, '\n');
        all += (all.empty() ? "" : "\n") + name + ": " + std::string(line);
    }
    return all;
}

} // namespace

void FleetScreen::begin(const std::vector<RemoteHost>& hosts) {
    for (const auto& host : hosts) {
        waiting_.push_back(host.name);
        width_ = std::max(width_, host.name.size());
    }
}

void FleetScreen::started(const std::string& host) {
    std::erase(waiting_, host);
    running_.push_back(host);
    last_[host] = "connecting";
    draw();
}

void FleetScreen::text(const std::string& host, RemoteStream, std::string_view piece) {
    if (!output_.is_live()) return;
    if (auto line = last_line(piece); !line.empty()) last_[host] = line;
    draw();
}

void FleetScreen::ended(const FleetOutcome& outcome) {
    std::erase(running_, outcome.host);
    last_.erase(outcome.host);
    ++(outcome.is_good() ? good_ : bad_);
    const auto name = padded(outcome.host, width_);
    if (auto said = behind_name(name, outcome.output); !said.empty()) output_.answer(said);
    if (auto said = behind_name(name, outcome.errors); !said.empty()) output_.remark(said);
    if (outcome.failed)
        output_.error(name + ": " + outcome.failed->text + " [" + std::string(reason_of(*outcome.failed).name) + "]");
    else if (outcome.status != 0)
        output_.error(name + ": exit status " + std::to_string(outcome.status));
    else if (outcome.output.empty())
        output_.info(name + ": ok");
    draw();
}

void FleetScreen::draw() {
    if (!output_.is_live()) return;
    std::vector<std::string> lines;
    for (const auto& host : running_) {
        if (lines.size() == kMostLive) break;
        lines.push_back(padded(host, width_) + "  " + last_[host]);
    }
    lines.push_back(std::to_string(running_.size()) + " running, " + std::to_string(waiting_.size()) + " to come, " +
                    std::to_string(good_) + " ok, " + std::to_string(bad_) + " failed");
    output_.live(lines);
}

void FleetScreen::summary(const FleetResult& result) {
    output_.live({});
    if (result.outcomes.size() < 2) return;
    std::string failed;
    for (const auto& outcome : result.outcomes)
        if (!outcome.is_good()) failed += (failed.empty() ? ": " : ", ") + outcome.host;
    const auto bad = result.outcomes.size() - result.good();
    output_.remark(std::to_string(result.outcomes.size()) + " hosts in " + seconds_text(result.took) + ": " +
                   std::to_string(result.good()) + " ok, " + std::to_string(bad) + " failed" + failed);
}

void FleetJson::summary(const FleetResult& result) {
    auto seconds = [](Duration d) { return std::chrono::duration<double>(d).count(); };
    nlohmann::ordered_json hosts = nlohmann::ordered_json::array();
    for (const auto& outcome : result.outcomes) {
        nlohmann::ordered_json one{{"host", outcome.host}, {"ok", outcome.is_good()}};
        if (outcome.failed)
            one["error"] = {{"reason", reason_of(*outcome.failed).name}, {"text", outcome.failed->text}};
        else
            one["status"] = outcome.status;
        one["stdout"] = outcome.output;
        one["stderr"] = outcome.errors;
        one["seconds"] = seconds(outcome.took);
        hosts.push_back(std::move(one));
    }
    nlohmann::ordered_json all{{"hosts", hosts},
                               {"ok", result.good()},
                               {"failed", result.outcomes.size() - result.good()},
                               {"seconds", seconds(result.took)}};
    // What a program prints need not be UTF-8.
    output_.answer(all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

} // namespace mars::shell
