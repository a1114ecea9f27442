# SPDX-License-Identifier: GPL-2.0-or-later
"""The hosts' network: one router in a network namespace of its own, one subnet per host. Nothing touches the machine's.

    hostA 10.77.1.2 ── 10.77.1.1 ┌────────┐ 10.77.2.1 ── 10.77.2.2 hostB
                                 │ router │ 10.77.3.1 ── 10.77.3.2 hostC
                                 └────────┘

Per ordered pair of hosts, the router has at most one htb class (rate) on the port towards the receiver, and one policy
rule (cut). Traffic of pairs without them passes at full speed. Delay and loss need netem, which not every kernel has.
"""

import re

from . import shell

ROUTER = "router"
NOWHERE = "192.0.2.1"  # what is sent there gets lost: a dead name server, say
_DROP_PREFERENCE = 100
_BUFFER_SECONDS = 0.05  # what the line's queue holds at its rate, as a router's would
_LEAST_BUFFER_BYTES = 256 * 1024  # a few of the kernel's 64 KiB super-packets

_UNITS = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}


def parse_rate(text):
    """'100mbit' → 100000000 bits per second."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(bit|kbit|mbit|gbit)", text)
    if not match:
        raise ValueError(f"rate {text!r}: expected a number and one of {', '.join(_UNITS)}")
    return int(float(match[1]) * _UNITS[match[2]])


def _ip(*lines, inside=None):
    """Runs `ip` commands, in the namespace `inside` if given."""
    namespace = ["-n", inside] if inside else []
    shell.run(["ip", *namespace, "-batch", "-"], stdin="\n".join(lines) + "\n")


def _router(*lines):
    _ip(*lines, inside=ROUTER)


def _tc(*lines):
    shell.run(["tc", "-n", ROUTER, "-batch", "-"], stdin="\n".join(lines) + "\n")


class Network:
    """Owns the router's namespace, and the hosts' ones while they are plugged in."""

    def __init__(self):
        self._links = {}
        self._attached = set()
        self._rates = {}  # (sender, receiver) -> bits per second; survives a reboot of either
        _ip(f"netns add {ROUTER}")
        _router("link set lo up")
        _router(f"route add blackhole {NOWHERE}")
        shell.run(["ip", "netns", "exec", ROUTER, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])

    def close(self):
        _ip(f"netns del {ROUTER}")

    def attach(self, host):
        """Makes the host's namespace and its cable to the router; what was shaped before is shaped again."""
        port, name = _port(host), host.name
        _ip(f"netns add {name}", f"link add {port} netns {ROUTER} type veth peer name host0 netns {name}")
        _ip("link set lo up", f"addr add {host.address}/24 dev host0", "link set host0 up",
            f"route add default via {_gateway(host)}", inside=name)
        _router(f"addr add {_gateway(host)}/24 dev {port}", f"link set {port} up")
        _tc(f"qdisc add dev {port} root handle 1: htb")
        self._attached.add(host)
        for (sender, receiver), rate in self._rates.items():
            if receiver is host:
                self._limit(sender, receiver, rate)

    def detach(self, host):
        """Takes the host's namespace away, with all sockets of it; nobody hears a goodbye."""
        self._attached.discard(host)
        _router(f"link del {_port(host)}")
        _ip(f"netns del {host.name}")

    def silence(self, host, silent):
        """While silent, what is sent to or by the host gets lost: a host without power, not one that refuses."""
        verb = "add" if silent else "del"
        _router(*(f"rule {verb} pref {_DROP_PREFERENCE - 1} {way} {host.address} blackhole" for way in ("from", "to")))

    def unplug(self, host):
        """Pulls the cable: the host sees no carrier, others get 'unreachable'."""
        _router(f"link set {_port(host)} down")

    def plug(self, host):
        _router(f"link set {_port(host)} up")

    def link(self, one, other):
        """The link between two hosts, always the same object for the same pair."""
        pair = frozenset((one, other))
        if len(pair) != 2:
            raise ValueError(f"no link from {one.name} to itself")
        return self._links.setdefault(pair, Link(self, one, other))

    def set_rate(self, sender, receiver, rate):
        """rate: bits per second, None = unlimited."""
        if rate is not None:
            self._rates[sender, receiver] = rate
            if receiver in self._attached:
                self._limit(sender, receiver, rate)
        elif self._rates.pop((sender, receiver), None) and receiver in self._attached:
            _tc(f"filter del dev {_port(receiver)} parent 1: pref {sender.index + 1}",
                f"class del dev {_port(receiver)} classid 1:{sender.index + 1:x}")

    @staticmethod
    def _limit(sender, receiver, rate):
        port, minor = _port(receiver), sender.index + 1
        buffer = max(_LEAST_BUFFER_BYTES, int(rate / 8 * _BUFFER_SECONDS))
        burst = max(65536, int(rate / 8 * 0.005))
        _tc(f"class replace dev {port} parent 1: classid 1:{minor:x} htb rate {rate}bit burst {burst} cburst {burst}"
            " quantum 60000",
            f"qdisc replace dev {port} parent 1:{minor:x} handle {minor + 0x10:x}: bfifo limit {buffer}",
            f"filter replace dev {port} parent 1: protocol ip pref {minor} handle 800::{minor:x} u32"
            f" match ip src {sender.address}/32 flowid 1:{minor:x}")

    @staticmethod
    def set_cut(sender, receiver, cut, action):
        verb = "add" if cut else "del"
        _router(f"rule {verb} pref {_DROP_PREFERENCE} from {sender.address} to {receiver.address} {action}")


class Link:
    """The line between two hosts, in both directions."""

    def __init__(self, network, one, other):
        self._network = network
        self._ways = ((one, other), (other, one))
        self._cut = {}  # (sender, receiver) -> action of the rule in force

    def shape(self, rate):
        """rate: like '100mbit', for each direction; None = unlimited."""
        bits = parse_rate(rate) if rate is not None else None
        for sender, receiver in self._ways:
            self._network.set_rate(sender, receiver, bits)

    def cut(self, sender=None, how="drop"):
        """Cuts the line. sender: only what that host sends. how: 'drop' loses packets silently, as a dead line does;
        'reject' answers 'prohibited', as a firewall does. Repeating it changes nothing."""
        action = {"drop": "blackhole", "reject": "prohibit"}[how]
        for way in self._ways:
            if sender in (None, way[0]) and way not in self._cut:
                self._network.set_cut(*way, True, action)
                self._cut[way] = action

    def heal(self):
        """Undoes all cuts of this line. TCP finds out by itself, at its next retransmission."""
        for way, action in list(self._cut.items()):
            self._network.set_cut(*way, False, action)
            del self._cut[way]

    @property
    def is_cut(self):
        return bool(self._cut)


def _port(host):
    return f"port{host.index}"


def _gateway(host):
    return f"10.77.{host.index}.1"
