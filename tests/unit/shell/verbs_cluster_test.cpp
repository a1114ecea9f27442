// SPDX-License-Identifier: GPL-2.0-or-later
// create-cluster, join-cluster, leave-cluster and the host table: keys, order, refusals. Spec:
// verbs 4.1, 4.3, 4.6, 4.36.
#include "fixture.hpp"

#include "shell/steps/join_cluster.hpp"

using namespace mars;
using namespace mars::shell;
using namespace mars::shell::testing;

TEST_CASE("create-cluster makes the keys of a first member") {
    Site site;
    site.succeed({"create-cluster", "--ip=10.0.0.9"});
    for (const char* directory : {"ips", "userspace", "defaults", "defaults-a", "todo-global", "actual-a"}) {
        INFO(directory);
        CHECK(site.exists(directory));
    }
    CHECK(site.get("uuid").starts_with("a_"));
    CHECK(Stamp::parse(site.get("uuid").substr(2)));
    CHECK(site.get("actual-a/marsadm-version") == "2.9");
    CHECK(site.get("defaults-a/sync-limit") == "0");
    CHECK(site.get("defaults-a/sync-pref-list") == "(none)");
    CHECK(site.get("ips/ip-a") == "10.0.0.9");
    CHECK(site.stamp("uuid") == site.stamp("actual-a/marsadm-version"));
    CHECK(site.stamp("defaults-a/sync-limit") == site.stamp("ips/ip-a"));
    CHECK(site.stamp("uuid") < site.stamp("ips/ip-a"));
    site.refuse({"create-cluster"}, "cluster.exists");
    site.refuse({"create-cluster", "--force"}, "cluster.uuid");
}

TEST_CASE("create-cluster takes the address of the interfaces, or says that there is none") {
    Site site;
    site.local.first = std::nullopt;
    site.refuse({"create-cluster"}, "sys.noaddress");
    site.local.first = "10.0.0.5";
    site.succeed({"create-cluster"});
    CHECK(site.get("ips/ip-a") == "10.0.0.5");
}

TEST_CASE("create-cluster is refused while marsd runs, for ordinary users, and without a tree") {
    Site site;
    site.alive({"a"});
    site.refuse({"create-cluster"}, "dp.forbidden");
    Site other;
    other.local.root = false;
    other.refuse({"create-cluster"}, "sys.root");
    other.local.root = true;
    other.refuse({"create-cluster", "--root=/nowhere"}, "sys.noroot-dir");
}

TEST_CASE("verbs need a cluster") {
    Site site;
    site.refuse({"cron"}, "sys.nouuid");
    site.refuse({"primary", "x"}, "sys.nouuid");
}

TEST_CASE("a dry run changes nothing and says what it would do") {
    Site site;
    auto before = site.snapshot();
    auto result = site.run({"create-cluster", "--dry-run"});
    CHECK(result.exit == 0);
    CHECK(site.snapshot() == before);
    CHECK(site.output.text(Severity::info).find("would set /mars/uuid = a_") != std::string::npos);
    CHECK(site.output.text(Severity::info).find("would set /mars/ips/ip-a = 10.0.0.1") != std::string::npos);
}

namespace {

struct Newcomer : Site {
    Newcomer() {
        alive({"a"});
        local.names["m"] = "10.0.0.2";
        remote.answer = [this](const Words& argv) -> result<RemoteResult> {
            if (argv == Words{"marsadm", "cluster-identity"}) return RemoteResult{0, identity.text() + "\n", ""};
            if (argv == Words{"marsadm", "lowlevel-set-host-ip", "a", "10.0.0.1"}) {
                if (!reachable) return RemoteResult{0, "", ""};
                set("uuid", identity.uuid, 5min); // the exchange replaces (any)
                set("ips/ip-m", "10.0.0.2", 5min);
                set("ips/ip-n", "10.0.0.3", 5min);
                return RemoteResult{0, "", ""};
            }
            return RemoteResult{127, "", "what?"};
        };
        identity.host = "m";
        identity.uuid = "m_1000.000000000";
        identity.is_marsd_running = true;
        identity.members = {{"m", "10.0.0.2"}, {"n", "10.0.0.3"}};
    }
    ClusterIdentity identity;
    bool reachable = true;
};

} // namespace

TEST_CASE("join-cluster leaves the tree of a member") {
    Newcomer site;
    site.succeed({"join-cluster", "m"});
    CHECK(site.remote.commands == Words{"m marsadm cluster-identity", "m marsadm lowlevel-set-host-ip a 10.0.0.1"});
    CHECK(site.get("uuid") == "m_1000.000000000");
    CHECK(site.get("ips/ip-a") == "10.0.0.1");
    CHECK(site.get("ips/ip-m") == "10.0.0.2");
    CHECK(site.stamp("ips/ip-a") > Stamp{1000, 0});
    CHECK(site.get("defaults-a/sync-pref-list") == "(none)");
    CHECK(site.get("actual-a/marsadm-version") == "2.9");
    site.refuse({"join-cluster", "m"}, "cluster.uuid");
    CHECK(site.output.text(Severity::error).find("belongs to the cluster of m already") != std::string::npos);
}

TEST_CASE("what join-cluster writes before contact carries stamp 1") {
    Newcomer site;
    site.remote.answer = [&site](const Words& argv) -> result<RemoteResult> {
        if (argv[1] == "cluster-identity") return RemoteResult{0, site.identity.text(), ""};
        CHECK(site.get("uuid") == "(any)");
        CHECK(site.stamp("uuid") == Stamp{1, 0});
        CHECK(site.get("ips/ip-m") == "10.0.0.2");
        CHECK(site.stamp("ips/ip-m") == Stamp{1, 0});
        CHECK(site.stamp("ips/ip-a") > Stamp{1000, 0});
        site.set("uuid", site.identity.uuid);
        return RemoteResult{0, "", ""};
    };
    site.succeed({"join-cluster", "m"});
}

TEST_CASE("join-cluster undoes everything when the cluster does not answer") {
    Newcomer site;
    site.reachable = false;
    site.refuse({"join-cluster", "m"}, "remote.uuid");
    CHECK(site.output.text(Severity::error).find("port 7777") != std::string::npos);
    site.remote.answer = [&site](const Words& argv) -> result<RemoteResult> {
        if (argv[1] == "cluster-identity") return RemoteResult{0, site.identity.text(), ""};
        return RemoteResult{4, "", "error: only root may do that [sys.root]\n"};
    };
    site.refuse({"join-cluster", "m"}, "remote.ssh");
    CHECK(site.output.text(Severity::error).find("only root may do that") != std::string::npos);
}

TEST_CASE("join-cluster is refused before anything is changed, here or there") {
    Newcomer site;
    SECTION("no marsd here") {
        site.beating.clear();
        site.world.run_for(10min);
        site.refuse({"join-cluster", "m"}, "dp.required");
        CHECK(site.output.text(Severity::error).find("systemctl start marsd") != std::string::npos);
    }
    SECTION("itself") {
        site.refuse({"join-cluster", "a"}, "cluster.self");
    }
    SECTION("no marsd there") {
        site.identity.is_marsd_running = false;
        site.refuse({"join-cluster", "m"}, "dp.required");
    }
    SECTION("no cluster there") {
        site.identity.uuid = "(any)";
        site.refuse({"join-cluster", "m"}, "cluster.uuid");
    }
    SECTION("another host") {
        site.identity.host = "q";
        site.refuse({"join-cluster", "m"}, "cluster.address");
    }
    SECTION("the name is taken") {
        site.identity.members.emplace_back("a", "10.0.0.77");
        site.refuse({"join-cluster", "m"}, "cluster.address");
        CHECK(site.output.text(Severity::error).find("10.0.0.77") != std::string::npos);
    }
    SECTION("the address is taken") {
        site.identity.members.emplace_back("z", "10.0.0.1");
        site.refuse({"join-cluster", "m"}, "cluster.address");
    }
    SECTION("a contradicting address") {
        site.refuse({"join-cluster", "m", "10.0.0.99"}, "cluster.address");
    }
    SECTION("old resources here") {
        site.set("resource-x/size", "4096");
        site.refuse({"join-cluster", "m"}, "cluster.resources");
    }
    SECTION("a foreign cluster here") {
        site.set("uuid", "z_999.000000000");
        site.refuse({"join-cluster", "m"}, "cluster.uuid");
        auto text = site.output.text(Severity::error);
        CHECK(text.find("which z has created") != std::string::npos);
        CHECK(text.find("which m has created") != std::string::npos);
    }
    SECTION("ssh fails") {
        site.remote.answer = [](const Words&) -> result<RemoteResult> { return refusal("remote.ssh", "unknown key"); };
        site.refuse({"join-cluster", "m"}, "remote.ssh");
    }
    SECTION("something else answers") {
        site.remote.answer = [](const Words&) -> result<RemoteResult> { return RemoteResult{0, "hello\n", ""}; };
        site.refuse({"join-cluster", "m"}, "remote.ssh");
    }
    for (const auto& command : site.remote.commands) CHECK(command.find("set-host-ip") == std::string::npos);
}

TEST_CASE("join-cluster without ssh relies on somebody having registered the address") {
    Newcomer site;
    site.on_tick = [&site] {
        if (site.get("uuid") == "(any)") site.set("uuid", site.identity.uuid);
    };
    site.succeed({"join-cluster", "m", "--no-ssh"});
    CHECK(site.remote.commands.empty());
}

TEST_CASE("cluster-identity is what join-cluster understands") {
    Site site;
    site.cluster({"a", "b"});
    site.alive({"a"});
    site.succeed({"cluster-identity"});
    auto identity = ClusterIdentity::parse(site.output.text(Severity::answer));
    REQUIRE(identity);
    CHECK(identity->host == "a");
    CHECK(identity->uuid == "a_1000.000000000");
    CHECK(identity->is_marsd_running);
    CHECK(identity->address_of("b") == "10.0.0.2");
    CHECK_FALSE(identity->address_of("c"));
    CHECK_FALSE(ClusterIdentity::parse("command not found"));
}

TEST_CASE("leave-cluster deletes the own address, and is refused for members of resources") {
    Pair site;
    site.refuse({"leave-cluster"}, "cluster.member");
    CHECK(site.output.text(Severity::error).find("marsadm leave-resource r") != std::string::npos);
    for (const char* key : {"data-a", "replay-a", "device-a"}) site.set(std::string("resource-r/") + key, ".deleted");
    site.set("actual-b/msg-needed-connection-with-a", "x");
    site.succeed({"leave-cluster"});
    CHECK(site.raw("ips/ip-a") == ".deleted");
    CHECK(site.raw("actual-b/msg-needed-connection-with-a") == ".deleted");
    CHECK(site.get("uuid") == "a_1000.000000000");
    CHECK(site.get("ips/ip-b") == "10.0.0.2");
}

TEST_CASE("a dead host is removed with --host, a wrong name is refused") {
    Pair site;
    site.refuse({"leave-cluster", "--host=c"}, "name.nohost");
    for (const char* key : {"data-b", "replay-b", "device-b"}) site.set(std::string("resource-r/") + key, ".deleted");
    site.succeed({"leave-cluster", "--host=b", "--force"});
    CHECK(site.raw("ips/ip-b") == ".deleted");
    CHECK(site.output.text(Severity::warning).find("acting for host b") != std::string::npos);
}

TEST_CASE("the host table can be shown and changed by hand") {
    Site site;
    site.cluster({"a", "b"});
    site.succeed({"lowlevel-set-host-ip", "c", "10.0.0.3"});
    site.succeed({"lowlevel-ls-host-ips"});
    CHECK(site.output.text(Severity::answer) == "a 10.0.0.1\nb 10.0.0.2\nc 10.0.0.3\n");
    site.succeed({"lowlevel-delete-host", "c"});
    CHECK(site.raw("ips/ip-c") == ".deleted");
    site.refuse({"lowlevel-delete-host", "c"}, "name.nohost");
    site.refuse({"lowlevel-set-host-ip", "c"}, "sys.noaddress");
    site.refuse({"lowlevel-set-host-ip", "all", "10.0.0.3"}, "name.reserved");
}
