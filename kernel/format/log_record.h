/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a transaction log: layout, constants, and unaligned little-endian access.
 *
 * For: user space (C++20), freestanding C11, the kernel. No libc, no allocation, no state; every function may be
 * called in any context. Format: docs/formats/transaction-log.md. Tests: tests/unit/format/log_record_test.cpp.
 *
 * A logfile is a sequence of records without any gap, from byte 0 to the end of the file. A record is
 *
 *	header (48 bytes) | body (B bytes) | trailer (36 bytes)
 *
 * and starts at any byte: nothing is aligned. All integers are little endian; s = two's complement.
 *
 *	header, from the record's start
 *	off size type  field
 *	  0    8 u64   start magic MARS_LOG_START_MAGIC
 *	  8    1 u8    format version, 1
 *	  9    1 u8    valid: 0 while the record is being built, 1 when every byte of it is there (readers: any but 0)
 *	 10    2 s16   total length = B + 84; the next record begins that many bytes behind this one's start
 *	 12    8 s64   Lamport stamp of the request's arrival, seconds since the epoch
 *	 20    8 s64   its nanoseconds, 0 to 999999999
 *	 28    8 s64   position on the logical device, bytes
 *	 36    2 s16   length: bytes of the body that mean something
 *	 38    2 s16   0: the body is the payload; else the payload's length and the body is compressed
 *	 40    4       spare, 0 (readers ignore it)
 *	 44    2 s16   code, MARS_LOG_CODE_*
 *	 46    2       spare, 0 (readers ignore it)
 *
 *	body: plain: the payload, B = length. Compressed: B = length rounded up to 8; readers ignore the padding.
 *
 *	trailer, from the record's end - 36
 *	off size type  field
 *	  0    8 u64   end magic MARS_LOG_END_MAGIC
 *	  8    4 bytes checksum of kind MD5_OLD: the first four bytes of the MD5; every other kind: 0
 *	 12    1 u8    valid copy: exactly 1
 *	 13    1       spare, 0 (readers ignore it)
 *	 14    2 u16   kinds: one checksum bit, at most one compression bit, MARS_LOG_KIND_* >> 16
 *	 16    4 u32   number of the record in its file: 1, 2, 3 …, wrapping
 *	 20   16 bytes checksum of every other kind: the 32 byte digest D folded, D[i] ^ D[i + 16]; MD5_OLD: 0
 *
 * The checksum covers the uncompressed payload and nothing else, so positions and lengths must be checked by whoever
 * acts on them. To write a record: fill in everything with the valid bytes 0, then mars_log_set_valid(); only then
 * may a byte of it be handed to the disk. To read one: check in the order that the format document gives, and look at
 * no byte behind total length.
 */
#ifndef MARS_LOG_RECORD_H
#define MARS_LOG_RECORD_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

#ifdef __cplusplus
#define MARS_LOG_ASSERT(condition, text) static_assert(condition, text)
#else
#define MARS_LOG_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define MARS_LOG_START_MAGIC 0xa8f7e908d9177957ULL
#define MARS_LOG_END_MAGIC 0x74941fb74ab5726dULL

/* Sizes and offsets, bytes. (One enum, because C++20 objects to arithmetic between several.) */
enum {
    /* Sizes. */
    MARS_LOG_HEADER_BYTES = 48,
    MARS_LOG_TRAILER_BYTES = 36,
    MARS_LOG_OVERHEAD = MARS_LOG_HEADER_BYTES + MARS_LOG_TRAILER_BYTES,
    MARS_LOG_MIN_RECORD = MARS_LOG_OVERHEAD + 1,
    MARS_LOG_MAX_PAYLOAD = 4096,                                    /* that a writer may put into one record */
    MARS_LOG_MAX_RECORD = MARS_LOG_MAX_PAYLOAD + MARS_LOG_OVERHEAD, /* that a writer makes */
    MARS_LOG_MAX_READ_RECORD = 32767,                               /* that a reader accepts */
    MARS_LOG_MAX_DECOMPRESSED = 32768,
    MARS_LOG_SUM_BYTES = 16,
    MARS_LOG_DIGEST_BYTES = 32,
    MARS_LOG_SECTOR = 512,        /* payloads that may be compressed, and all writes of a block device, are multiples */
    MARS_LOG_REGION = 65536,      /* no record crosses a multiple of it on the device (writers only) */
    MARS_LOG_WINDOW = 128 * 1024, /* what a scanner reads at once */
    MARS_LOG_TOLERANCE = MARS_LOG_MAX_RECORD, /* a torn tail shorter than this may count as the end */

    /* Offsets in the header. */
    MARS_LOG_START_MAGIC_AT = 0,
    MARS_LOG_VERSION_AT = 8,
    MARS_LOG_VALID_AT = 9,
    MARS_LOG_TOTAL_LEN_AT = 10,
    MARS_LOG_STAMP_SEC_AT = 12,
    MARS_LOG_STAMP_NSEC_AT = 20,
    MARS_LOG_POS_AT = 28,
    MARS_LOG_LEN_AT = 36,
    MARS_LOG_DECOMPR_LEN_AT = 38,
    MARS_LOG_SPARE1_AT = 40,
    MARS_LOG_CODE_AT = 44,
    MARS_LOG_SPARE2_AT = 46,

    /* Offsets in the trailer. */
    MARS_LOG_END_MAGIC_AT = 0,
    MARS_LOG_CRC_OLD_AT = 8,
    MARS_LOG_VALID_COPY_AT = 12,
    MARS_LOG_SPARE3_AT = 13,
    MARS_LOG_KINDS_AT = 14,
    MARS_LOG_SEQ_AT = 16,
    MARS_LOG_SUM_AT = 20
};

enum { MARS_LOG_VERSION = 1 };

/* What a replayer does with a record. All other codes are skipped too. */
enum {
    MARS_LOG_CODE_UNKNOWN = 0,   /* nothing */
    MARS_LOG_CODE_WRITE_NEW = 1, /* write the payload to the position */
    MARS_LOG_CODE_WRITE_OLD = 2  /* nothing: what was there before, never written back */
};

/* Kinds of checksums and compressions, as in the links of the tree. The trailer holds them shifted right by 16. */
enum {
    MARS_LOG_KIND_MD5_OLD = 0x00010000,
    MARS_LOG_KIND_MD5 = 0x00020000,
    MARS_LOG_KIND_CRC32C = 0x00040000,
    MARS_LOG_KIND_CRC32 = 0x00080000,
    MARS_LOG_KIND_SHA1 = 0x00100000,
    MARS_LOG_KIND_LZO = 0x01000000,
    MARS_LOG_KIND_LZ4 = 0x02000000,
    MARS_LOG_KIND_ZLIB = 0x04000000,
    MARS_LOG_KIND_ZSTD = 0x08000000, /* not known to 0.1a */
    MARS_LOG_ALL_SUMS = 0x001f0000,
    MARS_LOG_ALL_COMPRESSIONS = 0x0f000000,
    MARS_LOG_ALL_KINDS = MARS_LOG_ALL_SUMS | MARS_LOG_ALL_COMPRESSIONS,
    MARS_LOG_KIND_SHIFT = 16
};

MARS_LOG_ASSERT(MARS_LOG_OVERHEAD == 84, "a record has 84 bytes around its body");
MARS_LOG_ASSERT(MARS_LOG_SPARE2_AT + 2 == MARS_LOG_HEADER_BYTES, "the header's fields fill it");
MARS_LOG_ASSERT(MARS_LOG_SUM_AT + MARS_LOG_SUM_BYTES == MARS_LOG_TRAILER_BYTES, "the trailer's fields fill it");
MARS_LOG_ASSERT(MARS_LOG_MAX_RECORD == 4180, "the largest record that is written");

/* The fields of a header that vary. Its magic, version and spares are constants. */
struct mars_log_header {
    int64_t stamp_sec;
    int64_t stamp_nsec;
    int64_t pos;
    int16_t total_len;
    int16_t len;
    int16_t decompr_len;
    int16_t code;
};

/* The fields of a trailer that vary. */
struct mars_log_trailer {
    uint32_t seq;
    uint16_t kinds; /* MARS_LOG_KIND_* >> MARS_LOG_KIND_SHIFT */
    uint8_t crc_old[4];
    uint8_t sum[MARS_LOG_SUM_BYTES];
};

/* Little-endian loads from any address. Written out, because compilers turn this form into one instruction. */
static inline uint16_t mars_log_load_u16(const uint8_t* from) {
    return (uint16_t)(from[0] | from[1] << 8);
}

static inline uint32_t mars_log_load_u32(const uint8_t* from) {
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static inline uint64_t mars_log_load_u64(const uint8_t* from) {
    return (uint64_t)mars_log_load_u32(from) | (uint64_t)mars_log_load_u32(from + 4) << 32;
}

static inline int16_t mars_log_load_s16(const uint8_t* from) {
    return (int16_t)mars_log_load_u16(from);
}
static inline int64_t mars_log_load_s64(const uint8_t* from) {
    return (int64_t)mars_log_load_u64(from);
}

/* Little-endian stores to any address. */
static inline void mars_log_store_u16(uint8_t* to, uint16_t value) {
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static inline void mars_log_store_u32(uint8_t* to, uint32_t value) {
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    to[2] = (uint8_t)(value >> 16);
    to[3] = (uint8_t)(value >> 24);
}

static inline void mars_log_store_u64(uint8_t* to, uint64_t value) {
    mars_log_store_u32(to, (uint32_t)value);
    mars_log_store_u32(to + 4, (uint32_t)(value >> 32));
}

/* Fills the 48 header bytes at `to`; the valid byte becomes 0. */
static inline void mars_log_store_header(uint8_t* to, const struct mars_log_header* h) {
    mars_log_store_u64(to + MARS_LOG_START_MAGIC_AT, MARS_LOG_START_MAGIC);
    to[MARS_LOG_VERSION_AT] = MARS_LOG_VERSION;
    to[MARS_LOG_VALID_AT] = 0;
    mars_log_store_u16(to + MARS_LOG_TOTAL_LEN_AT, (uint16_t)h->total_len);
    mars_log_store_u64(to + MARS_LOG_STAMP_SEC_AT, (uint64_t)h->stamp_sec);
    mars_log_store_u64(to + MARS_LOG_STAMP_NSEC_AT, (uint64_t)h->stamp_nsec);
    mars_log_store_u64(to + MARS_LOG_POS_AT, (uint64_t)h->pos);
    mars_log_store_u16(to + MARS_LOG_LEN_AT, (uint16_t)h->len);
    mars_log_store_u16(to + MARS_LOG_DECOMPR_LEN_AT, (uint16_t)h->decompr_len);
    mars_log_store_u32(to + MARS_LOG_SPARE1_AT, 0);
    mars_log_store_u16(to + MARS_LOG_CODE_AT, (uint16_t)h->code);
    mars_log_store_u16(to + MARS_LOG_SPARE2_AT, 0);
}

/* Fills the 36 trailer bytes at `to`; the valid byte becomes 0. */
static inline void mars_log_store_trailer(uint8_t* to, const struct mars_log_trailer* t) {
    unsigned int i;

    mars_log_store_u64(to + MARS_LOG_END_MAGIC_AT, MARS_LOG_END_MAGIC);
    for (i = 0; i < 4; i++) to[MARS_LOG_CRC_OLD_AT + i] = t->crc_old[i];
    to[MARS_LOG_VALID_COPY_AT] = 0;
    to[MARS_LOG_SPARE3_AT] = 0;
    mars_log_store_u16(to + MARS_LOG_KINDS_AT, t->kinds);
    mars_log_store_u32(to + MARS_LOG_SEQ_AT, t->seq);
    for (i = 0; i < MARS_LOG_SUM_BYTES; i++) to[MARS_LOG_SUM_AT + i] = t->sum[i];
}

/* Marks the record of `total_len` bytes at `record` as complete: the last store into it before its IO. */
static inline void mars_log_set_valid(uint8_t* record, size_t total_len) {
    record[total_len - MARS_LOG_TRAILER_BYTES + MARS_LOG_VALID_COPY_AT] = 1;
    record[MARS_LOG_VALID_AT] = 1;
}

/* Reads the header fields at `from` (48 bytes). Nothing is checked: magic, version and valid byte are the caller's. */
static inline void mars_log_load_header(const uint8_t* from, struct mars_log_header* h) {
    h->stamp_sec = mars_log_load_s64(from + MARS_LOG_STAMP_SEC_AT);
    h->stamp_nsec = mars_log_load_s64(from + MARS_LOG_STAMP_NSEC_AT);
    h->pos = mars_log_load_s64(from + MARS_LOG_POS_AT);
    h->total_len = mars_log_load_s16(from + MARS_LOG_TOTAL_LEN_AT);
    h->len = mars_log_load_s16(from + MARS_LOG_LEN_AT);
    h->decompr_len = mars_log_load_s16(from + MARS_LOG_DECOMPR_LEN_AT);
    h->code = mars_log_load_s16(from + MARS_LOG_CODE_AT);
}

/* Reads the trailer fields at `from` (36 bytes). Nothing is checked. */
static inline void mars_log_load_trailer(const uint8_t* from, struct mars_log_trailer* t) {
    unsigned int i;

    t->seq = mars_log_load_u32(from + MARS_LOG_SEQ_AT);
    t->kinds = mars_log_load_u16(from + MARS_LOG_KINDS_AT);
    for (i = 0; i < 4; i++) t->crc_old[i] = from[MARS_LOG_CRC_OLD_AT + i];
    for (i = 0; i < MARS_LOG_SUM_BYTES; i++) t->sum[i] = from[MARS_LOG_SUM_AT + i];
}

#endif /* MARS_LOG_RECORD_H */
