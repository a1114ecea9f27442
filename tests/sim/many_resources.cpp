// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/sim/many_resources.hpp"

#include <algorithm>
#include <map>

#include "kernel/tree/paths.hpp"

namespace mars::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kSmallDisk = 128 * 1024;
constexpr const char* kFirstResource = "r0";
constexpr Duration kLongSetUp = std::chrono::minutes(5); // virtual

std::string small_disk_of(const std::string& resource) {
    return "/disks/" + resource;
}

// In paths, and in the values that name the resource, its disk, or its device.
std::string of_other_resource(std::string text, const std::string& name) {
    for (const std::string before : {"/resource-", "/disks/"}) {
        const auto old = before + kFirstResource;
        const auto at = text.find(old);
        const bool is_whole =
            at != std::string::npos && (at + old.size() == text.size() || text[at + old.size()] == '/');
        if (is_whole) text.replace(at, old.size(), before + name);
    }
    return text == kFirstResource ? name : text;
}

} // namespace

ManyResources::ManyResources(std::size_t resources, std::uint64_t seed) : resources_(resources), world_(seed) {
    for (std::size_t i = 0; i < kHosts; ++i) {
        const auto letter = static_cast<char>('a' + i);
        auto& machine = world_.add_machine(std::string("host") + letter, "10.0.0." + std::to_string(i + 1));
        machine.filesystem().add_disk(small_disk_of(kFirstResource), kSmallDisk);
        nodes_.push_back(std::make_unique<Node>(machine));
    }
}

ManyResources::~ManyResources() {
    for (auto& node : nodes_) {
        node->machine.end_all_processes();
        halt(*node);
    }
}

void ManyResources::boot(Node& node) {
    node.process = node.machine.start_process("marsd");
    node.exports = std::make_unique<SimExports>(*node.process);
    node.tasks = std::make_unique<env::TaskGroup>(*node.process);
    node.daemon = std::make_unique<daemon::Daemon>(*node.process, "/mars", *node.exports, resource::Tunables());
    auto run = [](Node& n) -> env::task<void> {
        auto started = co_await n.daemon->start();
        if (!started) panic("marsd on " + n.machine.name() + ": " + started.error().text);
    };
    node.tasks->spawn("daemon", run(node));
}

void ManyResources::halt(Node& node) {
    node.tasks.reset();
    node.daemon.reset();
    node.exports.reset();
    node.process.reset();
    world_.settle();
}

std::string ManyResources::marsadm(Node& node, std::vector<std::string> words) {
    const auto line = node.machine.name() + ": marsadm " + words.front();
    auto process = node.machine.start_process("marsadm");
    OperatorSurroundings surroundings(*process, world_, callers_);
    env::TaskGroup group(*process);
    int exit = -1;
    bool done = false;
    group.spawn("verb", surroundings.run(std::move(words), exit, done));
    world_.run_until([&] { return done; }, kLongSetUp);
    const auto error = surroundings.output.text(shell::Severity::error);
    if (!done) process->kill();
    return exit == 0 ? "" : line + " ended with " + std::to_string(exit) + ": " + error;
}

// As if marsadm had made all of them.
void ManyResources::multiply(Node& node) const {
    auto& filesystem = node.machine.filesystem();
    auto picture = filesystem.picture();
    env::sim::NameMap first;
    const auto directory = std::string("/mars/resource-") + kFirstResource;
    for (auto& [path, entry] : picture)
        if (path == directory || path.starts_with(directory + "/") || path == small_disk_of(kFirstResource))
            first.emplace(path, entry);
    for (std::size_t i = 1; i < resources_; ++i) {
        for (const auto& [path, entry] : first) {
            auto copy = entry;
            copy.number = filesystem.new_number();
            copy.target = of_other_resource(copy.target, name(i));
            if (copy.inode) {
                copy.inode = std::make_shared<env::sim::Inode>(*copy.inode);
                copy.inode->number = copy.number;
            }
            picture[of_other_resource(path, name(i))] = std::move(copy);
        }
    }
    filesystem.restore(picture);
}

std::string ManyResources::set_up() {
    auto& primary = *nodes_.front();
    auto wrong = marsadm(primary, {"create-cluster", "--ip=" + primary.machine.address()});
    for (auto& node : nodes_) boot(*node);
    world_.run_for(1s);
    for (std::size_t i = 1; i < kHosts && wrong.empty(); ++i)
        wrong = marsadm(*nodes_[i], {"join-cluster", primary.machine.name(), "--ip=" + nodes_[i]->machine.address()});
    if (wrong.empty()) wrong = marsadm(primary, {"create-resource", kFirstResource, small_disk_of(kFirstResource)});
    for (std::size_t i = 1; i < kHosts && wrong.empty(); ++i)
        wrong = marsadm(*nodes_[i], {"join-resource", kFirstResource, small_disk_of(kFirstResource)});
    if (!wrong.empty()) return wrong;
    const auto is_synced = [this] {
        for (std::size_t i = 0; i < kHosts; ++i)
            for (auto& node : nodes_)
                if (value(i, std::string("resource-") + kFirstResource + "/syncstatus-" + node->machine.name()) !=
                    std::to_string(kSmallDisk))
                    return false;
        return true;
    };
    if (!world_.run_until(is_synced, kLongSetUp)) return "the first resource does not become synced";
    world_.run_for(20s);
    for (auto& node : nodes_) node->machine.end_all_processes();
    for (auto& node : nodes_) {
        halt(*node);
        multiply(*node);
    }
    for (auto& node : nodes_) boot(*node);
    const auto is_at_work = [this] {
        for (std::size_t i = 0; i < kHosts; ++i)
            for (std::size_t r = 0; r < resources_; ++r) {
                const auto of = "resource-" + name(r) + "/actual-" + nodes_[i]->machine.name() + "/";
                const auto key = i == 0 ? "if-on" : "is-copying";
                for (std::size_t on = 0; on < kHosts; ++on)
                    if (value(on, of + "is-attached") != "1" || value(on, of + key) != "1") return false;
            }
        return true;
    };
    world_.run_for(20s); // what the copies say of their state is of the first one's earlier life
    for (int i = 0; i < 300 && !is_at_work(); ++i) world_.run_for(1s);
    if (!is_at_work()) return "not all resources are at work";
    return {};
}

void ManyResources::change_all(std::size_t host, const std::string& key, const std::string& value) {
    auto& machine = nodes_[host]->machine;
    auto process = machine.start_process("hand");
    for (std::size_t r = 0; r < resources_; ++r) {
        const auto path = "/mars/resource-" + name(r) + "/" + key;
        const auto temporary = path.substr(0, path.rfind('/')) + "/.tmp.1.x";
        auto done = process->storage().write_symlink(path, temporary, value, machine.real_time());
        if (!done) panic(done.error().text);
    }
}

bool ManyResources::is_everywhere(const std::string& key, const std::string& expected) const {
    for (std::size_t i = 0; i < kHosts; ++i)
        for (std::size_t r = 0; r < resources_; ++r)
            if (value(i, "resource-" + name(r) + "/" + key) != expected) return false;
    return true;
}

std::string ManyResources::value(std::size_t host, const std::string& path) const {
    const auto* node = nodes_[host]->machine.filesystem().find("/mars/" + path);
    return node && node->kind == env::FileKind::symlink ? node->target : std::string();
}

std::vector<std::string> ManyResources::differences() const {
    constexpr std::size_t kSome = 10;
    std::vector<std::map<std::string, std::string>> trees(kHosts);
    for (std::size_t i = 0; i < kHosts; ++i)
        for (auto& [path, target] : nodes_[i]->machine.filesystem().links_below("/mars"))
            if (const auto key = path.substr(6); tree::is_transferable(key) && !tree::is_barrier(key))
                trees[i][key] = target;
    std::vector<std::string> found;
    for (std::size_t i = 1; i < kHosts; ++i)
        for (auto& [key, target] : trees[0]) {
            const auto other = trees[i].find(key);
            if (other != trees[i].end() && other->second == target) continue;
            if (found.size() < kSome)
                found.push_back(key + " = " + target + ", on " + nodes_[i]->machine.name() + " " +
                                (other == trees[i].end() ? "missing" : other->second));
        }
    return found;
}

std::uint64_t ManyResources::bytes_on_the_wire() {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < kHosts; ++i)
        for (std::size_t j = i + 1; j < kHosts; ++j)
            bytes += world_.network().link(nodes_[i]->machine.address(), nodes_[j]->machine.address()).bytes_carried;
    return bytes;
}

std::uint64_t ManyResources::looks() const {
    std::uint64_t looks = 0;
    for (auto& node : nodes_) looks += node->machine.filesystem().looks;
    return looks;
}

} // namespace mars::sim
