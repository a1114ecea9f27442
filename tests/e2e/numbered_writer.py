# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes numbered records that prove later what a device has kept. Runs inside of a test host.

    numbered_writer.py write DEVICE BLOCKS THREADS     writes until the device fails or it is killed
    numbered_writer.py check DEVICE BLOCKS < ACKED     is every acknowledged record there, or a later one?

A record is one 4096-byte block: sequence number, block number, filler made from both, SHA-256 of all that. Each thread
owns every THREADS-th block and overwrites its blocks in random order. Even threads open the device with O_DIRECT and
O_DSYNC; odd ones write with O_DIRECT and acknowledge only after fdatasync. An acknowledged record is printed as
"BLOCK SEQUENCE", in one write to a pipe that outlives the device: the reader at its other end is the witness.

check prints each violation and ends with exit code 1 if there is any. It also demands that no block is torn.
"""

import hashlib
import mmap
import os
import random
import struct
import sys
import threading

BLOCK_BYTES = 4096
HEADER = struct.Struct("<8sQQ")
MAGIC = b"marsnumb"


def record(sequence, block):
    """The content of one block."""
    header = HEADER.pack(MAGIC, sequence, block)
    filler = hashlib.sha256(header).digest() * (BLOCK_BYTES // 32)
    body = (header + filler)[:BLOCK_BYTES - 32]
    return body + hashlib.sha256(body).digest()


def sequence_of(data, block):
    """The sequence number of an intact record of that block; 0 for a block never written; None for anything else."""
    if data == bytes(BLOCK_BYTES):
        return 0
    magic, sequence, number = HEADER.unpack_from(data)
    return sequence if magic == MAGIC and number == block and data == record(sequence, number) else None


def write_some(device, blocks, thread, threads, first_sequence):
    """One thread. Ends with the first error of the device."""
    durable = thread % 2 == 0
    fd = os.open(device, os.O_RDWR | os.O_DIRECT | (os.O_DSYNC if durable else 0))
    buffer = mmap.mmap(-1, BLOCK_BYTES)
    chance = random.Random(thread)
    own = range(thread, blocks, threads)
    sequence = first_sequence
    try:
        while True:
            block = chance.choice(own)
            sequence += 1
            buffer[:] = record(sequence, block)
            if os.pwrite(fd, buffer, block * BLOCK_BYTES) != BLOCK_BYTES:
                raise OSError("short write")
            if not durable:
                os.fdatasync(fd)
            os.write(1, f"{block} {sequence}\n".encode())
    except OSError as error:
        print(f"thread {thread} ends at sequence {sequence}: {error}", file=sys.stderr)


def write(device, blocks, threads, first_sequence=0):
    workers = [threading.Thread(target=write_some, args=(device, blocks, number, threads, first_sequence))
               for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return 0


def check(device, blocks, acknowledged):
    """acknowledged: lines "BLOCK SEQUENCE". Returns the exit code."""
    wanted = {}
    for line in acknowledged:
        block, sequence = map(int, line.split())
        wanted[block] = max(sequence, wanted.get(block, 0))
    violations = 0
    with open(device, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        for block in range(blocks):
            found = sequence_of(os.pread(file.fileno(), BLOCK_BYTES, block * BLOCK_BYTES), block)
            if found is None or found < wanted.get(block, 0):
                violations += 1
                state = "is torn or foreign" if found is None else f"holds sequence {found}"
                print(f"block {block} {state}, acknowledged was {wanted.get(block, 0)}")
    print(f"{len(wanted)} blocks with acknowledged records checked, {violations} violations")
    return 1 if violations else 0


def main(arguments):
    verb, device, blocks, *rest = arguments
    if verb == "write":
        return write(device, int(blocks), *map(int, rest))
    return check(device, int(blocks), sys.stdin)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
