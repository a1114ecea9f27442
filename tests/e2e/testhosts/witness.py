# SPDX-License-Identifier: GPL-2.0-or-later
"""Witness: drives tests/e2e/numbered_writer.py on a host and keeps, outside of it, what has been acknowledged."""

import os
import subprocess
import threading

from .mars import TESTS_INSIDE
from .wait import wait_for

WRITER = f"{TESTS_INSIDE}/numbered_writer.py"


class Witness:
    """One device. start() writes in the background; check() asks whether every acknowledged record is there.

    blocks: how many 4 KiB blocks from the device's start take part. Sequence numbers grow over all starts.
    """

    def __init__(self, device, blocks=4096, threads=8):
        self.device = device
        self.blocks = blocks
        self.threads = threads
        self.acknowledged = []
        self._process = None
        self._reader = None

    def start(self, host):
        """Starts writing on `host`. The device must be there."""
        first = max((int(line.split()[1]) for line in self.acknowledged), default=0)
        self._process = host.popen(["python3", WRITER, "write", self.device, str(self.blocks), str(self.threads),
                                    str(first)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def _read(self, pipe):
        for line in pipe:
            if line.endswith("\n"):
                self.acknowledged.append(line)

    def wait_for_more(self, records, timeout=60.0):
        """Waits until so many more records have been acknowledged."""
        goal = len(self.acknowledged) + records
        wait_for(f"{records} more acknowledged writes on {self.device}",
                 lambda: self._told(goal) and len(self.acknowledged) >= goal, timeout, interval=0.005)

    def _told(self, goal):
        assert self._process.poll() is None, f"the writer ended after {len(self.acknowledged)} of {goal} records"
        return True

    def wait_end(self, timeout=60.0):
        """Waits for the writer to end by itself, because its device failed."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"the writer still waits for {self.device}, {timeout:g} s later") from None
        self._reader.join()

    def stop(self):
        """Ends the writer."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, 9)
            self._process.wait()
        if self._reader:
            self._reader.join()

    def check(self, host, device=None):
        """Fails unless every acknowledged record, or a later one of the same block, is on the device."""
        host.run(["python3", WRITER, "check", device or self.device, str(self.blocks)],
                 stdin="".join(self.acknowledged), timeout=120)
