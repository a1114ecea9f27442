// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/health/stop_check.hpp"

#include <algorithm>
#include <map>

#include "kernel/format/version_link.hpp"
#include "kernel/tree/handover_state.hpp"
#include "shell/command/hosts.hpp"
#include "shell/command/log_links.hpp"

namespace mars::shell {

namespace {

// A replica that could be primary: complete, its disk works, and its replay goes on.
bool is_usable(const Patient& p, const std::string& resource, const std::string& host) {
    const auto error = p.of_host(resource, host, "disk-error");
    return p.is_complete(resource, host) && p.is_on(resource, host, "is-attached") && (error.empty() || error == "0") &&
           !p.of_host(resource, host, "replay-code").starts_with('-');
}

// The members of one resource, seen from the host that is to go down.
class Others {
  public:
    Others(const Patient& patient, const std::string& resource, const std::string& host)
        : p_(patient), resource_(resource), host_(host) {
        for (const auto& other : members_of(p_.view, resource)) {
            if (other == host) continue;
            if (p_.is_silent(other))
                silent_.push_back(other);
            else
                heard_.push_back(other);
        }
        std::stable_sort(heard_.begin(), heard_.end(),
                         [this](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
    }

    void look(StopCheck& check) const {
        look_at_role(check);
        look_for_a_replica(check);
        look_at_bytes(check);
        look_at_syncs(check);
        look_at_handover(check);
    }

  private:
    // Usable ones first, then who lacks least.
    std::pair<bool, std::int64_t> rank(const std::string& other) const {
        return {!is_usable(p_, resource_, other), bytes_ahead(p_.view, resource_, host_, other)};
    }
    bool is_host_primary() const { return tree::is_primary(p_.view, resource_, host_); }
    void obstacle(StopCheck& check, std::string why, std::vector<std::string> cures) const {
        check.obstacles.push_back({resource_, std::move(why), std::move(cures)});
    }

    void look_at_role(StopCheck& check) const {
        if (!is_host_primary()) return;
        const bool is_open = p_.view.number(tree::resource_key(resource_, "actual-" + host_ + "/open-count")) > 0;
        const bool is_wanted = p_.view.value(tree::resource_key(resource_, "systemd-want")) == host_;
        if (!is_open && !is_wanted) {
            check.remarks.push_back("resource " + resource_ + ": " + host_ +
                                    " is primary; nobody has the device open, and meanwhile nobody can open it");
            return;
        }
        std::vector<std::string> cures{"umount /dev/mars/" + resource_ + " on " + host_ + ", then marsadm secondary " +
                                       resource_ + " there: without the device meanwhile"};
        if (!heard_.empty() && is_usable(p_, resource_, heard_.front()))
            cures = {p_.command(heard_.front(), "primary " + resource_)};
        obstacle(check,
                 host_ + " is primary, and " + (is_wanted ? "its application runs there" : "the device is in use"),
                 std::move(cures));
    }

    void look_for_a_replica(StopCheck& check) const {
        if (std::any_of(heard_.begin(), heard_.end(),
                        [this](const std::string& other) { return is_usable(p_, resource_, other); })) {
            const bool is_alone = heard_.size() == 1;
            if (is_alone)
                check.remarks.push_back("resource " + resource_ + ": nobody but " + heard_.front() +
                                        " has it meanwhile");
            return;
        }
        std::string why;
        for (const auto& other : heard_) why += (why.empty() ? "" : ", ") + other + " has no usable replica";
        for (const auto& other : silent_) why += (why.empty() ? "" : ", ") + ("nothing is heard of " + other);
        if (why.empty()) why = "there is no other member";
        obstacle(check, host_ + " has the only usable replica that is heard of: " + why,
                 {"marsadm doctor " + resource_,
                  "or another copy: marsadm join-resource " + resource_ + " DISK on another host"});
    }

    void look_at_bytes(StopCheck& check) const {
        if (heard_.empty()) return; // said already
        std::string nearest;
        std::int64_t least = 0;
        for (const auto& other : heard_) {
            const auto ahead = bytes_ahead(p_.view, resource_, host_, other);
            if (nearest.empty() || ahead < least) least = ahead;
            nearest = nearest.empty() || ahead == least ? other : nearest;
        }
        if (least <= 0) return;
        obstacle(check,
                 tree::amount_text(least) + " of logs (" + std::to_string(least) + " bytes) are on " + host_ +
                     " only; " + nearest + " lacks the least",
                 {"wait: marsadm forecast " + resource_, p_.command(nearest, "resume-fetch " + resource_)});
    }

    void look_at_syncs(StopCheck& check) const {
        if (!is_host_primary()) return;
        for (const auto& other : heard_) {
            if (!p_.is_on(resource_, other, "is-syncing") || p_.is_complete(resource_, other)) continue;
            const auto done = p_.view.number(tree::resource_key(resource_, "syncstatus-" + other)).value_or(0);
            const auto size = p_.view.number(tree::resource_key(resource_, "size")).value_or(0);
            obstacle(check,
                     other + " copies from it: " + tree::amount_text(done) + " of " + tree::amount_text(size) +
                         " are done",
                     {"wait: " + p_.command(other, "wait-resource " + resource_ + " is-sync-off")});
        }
    }

    void look_at_handover(StopCheck& check) const {
        const auto heard = [this](const std::string& host) { return !p_.is_silent(host); };
        const auto handover = tree::find_handover(p_.view, resource_, heard);
        if (handover.kind != tree::Handover::Kind::under_way) return;
        if (handover.host == host_ || handover.note.to == host_ || is_host_primary())
            obstacle(check, sentence_of(handover, resource_, p_.now()), {"wait for it: marsadm view " + resource_});
    }

    const Patient& p_;
    const std::string& resource_;
    const std::string& host_;
    std::vector<std::string> heard_, silent_;
};

} // namespace

std::int64_t bytes_ahead(const tree::View& view, std::string_view resource, const std::string& holder,
                         const std::string& other) {
    std::map<std::int64_t, std::int64_t> known; // lengths, by anybody
    std::optional<format::LogPosition> end_of_holder, end_of_other;
    for (const auto& key : versions_of(view, resource)) {
        const auto link = format::VersionLink::parse(view.value(tree::resource_key(resource, key.name)));
        if (!link) continue;
        known[key.id.seq] = std::max(known[key.id.seq], link->length);
        const format::LogPosition end{key.id, link->length};
        if (key.id.host == holder) end_of_holder = end; // the last one has the highest number
        if (key.id.host == other) end_of_other = end;
    }
    if (!end_of_holder) return 0;
    std::int64_t bytes = end_of_holder->pos;
    if (!end_of_other) return bytes;
    if (end_of_other->log.seq > end_of_holder->log.seq) return 0;
    for (const auto& [number, length] : known)
        if (number >= end_of_other->log.seq && number < end_of_holder->log.seq) bytes += length;
    return std::max<std::int64_t>(bytes - end_of_other->pos, 0);
}

StopCheck check_stop(const Patient& p, const std::string& host) {
    StopCheck check;
    if (!p.marsd_runs || p.is_silent(p.me()))
        check.obstacles.push_back({"",
                                   "marsd does not run on " + p.me() + ", so what is known here is old",
                                   {"systemctl start marsd, or ask on another host"}});
    else if (const auto silence = tree::silence_of(p.view, host, p.looker))
        check.obstacles.push_back({"",
                                   text_of(*silence, p.now()) + "; what it has since is not known here",
                                   {"ask there: marsadm safe-to-stop"}});
    for (const auto& resource : resources_of(p.view, host))
        if (has_storage(p.view, resource, host)) Others(p, resource, host).look(check);
    return check;
}

std::string report_of(const StopCheck& check, const std::string& host) {
    std::string text =
        check.is_safe() ? "yes: host " + host + " may go down now\n" : "no: host " + host + " may not go down now\n";
    for (const auto& obstacle : check.obstacles) {
        text += "  " + (obstacle.resource.empty() ? "" : "resource " + obstacle.resource + ": ") + obstacle.why + "\n";
        for (const auto& cure : obstacle.cures) text += "    next: " + cure + "\n";
    }
    for (const auto& remark : check.remarks) text += "  note: " + remark + "\n";
    return text;
}

} // namespace mars::shell
