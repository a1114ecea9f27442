# SPDX-License-Identifier: GPL-2.0-or-later
"""Test hosts: whole machines with systemd, sshd, disks and network lines, made on this one. See docs/testing.md."""

from .cluster import GIB, MIB, Cluster
from .isolation import SKIP, keep, run_isolated
from .runner import Skip, main, outside
from .shell import CommandFailed, Result
from .wait import Timeout, wait_for

__all__ = ["GIB", "MIB", "SKIP", "Cluster", "CommandFailed", "Result", "Skip", "Timeout", "keep", "main", "outside",
           "run_isolated", "wait_for"]
