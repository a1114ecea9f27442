// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/format/compression.hpp"

#include <lz4.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "kernel/base/result.hpp"

namespace mars::format {

namespace {

constexpr int kZlibLevel = 3; // as 0.1a
constexpr int kZstdLevel = 1;

const char* chars(std::span<const std::byte> bytes) {
    return reinterpret_cast<const char*>(bytes.data());
}
char* chars(std::span<std::byte> bytes) {
    return reinterpret_cast<char*>(bytes.data());
}
const unsigned char* octets(std::span<const std::byte> bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* octets(std::span<std::byte> bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

// LZO may write more than it gets, by this much.
constexpr std::size_t lzo_bound(std::size_t bytes) {
    return bytes + bytes / 16 + 64 + 3;
}

// The libraries' memory of one thread.
struct Workspace {
    std::vector<unsigned char> lzo = std::vector<unsigned char>(LZO1X_1_MEM_COMPRESS);
    std::vector<unsigned char> lzo_out = std::vector<unsigned char>(lzo_bound(MARS_LOG_MAX_PAYLOAD));
    std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> writer{ZSTD_createCCtx(), &ZSTD_freeCCtx};
    std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> reader{ZSTD_createDCtx(), &ZSTD_freeDCtx};

    Workspace() {
        if (lzo_init() != LZO_E_OK) panic("compression: the LZO library does not fit this compiler");
        if (!writer || !reader) panic("compression: no memory for ZSTD");
    }
};

Workspace& workspace() {
    thread_local Workspace space;
    return space;
}

std::size_t compress_lzo(std::span<const std::byte> payload, std::span<std::byte> out) {
    auto& space = workspace();
    lzo_uint bytes = 0;
    if (lzo1x_1_compress(octets(payload), payload.size(), space.lzo_out.data(), &bytes, space.lzo.data()) != LZO_E_OK ||
        bytes > out.size())
        return 0;
    std::copy_n(space.lzo_out.begin(), bytes, octets(out));
    return bytes;
}

std::size_t compress_zlib(std::span<const std::byte> payload, std::span<std::byte> out) {
    uLongf bytes = out.size();
    const auto done = compress2(octets(out), &bytes, octets(payload), payload.size(), kZlibLevel);
    return done == Z_OK ? bytes : 0;
}

std::size_t compress_zstd(std::span<const std::byte> payload, std::span<std::byte> out) {
    const auto bytes =
        ZSTD_compressCCtx(workspace().writer.get(), out.data(), out.size(), payload.data(), payload.size(), kZstdLevel);
    return ZSTD_isError(bytes) ? 0 : bytes;
}

bool decompress_zlib(std::span<const std::byte> body, std::span<std::byte> out) {
    uLongf bytes = out.size();
    uLong used = body.size();
    return uncompress2(octets(out), &bytes, octets(body), &used) == Z_OK && bytes == out.size() && used == body.size();
}

} // namespace

std::string_view compression_name(CompressionKind kind) {
    switch (kind) {
    case CompressionKind::lzo:
        return "LZO";
    case CompressionKind::lz4:
        return "LZ4";
    case CompressionKind::zlib:
        return "ZLIB";
    case CompressionKind::zstd:
        return "ZSTD";
    }
    panic("compression: unknown kind " + std::to_string(static_cast<KindMask>(kind)));
}

std::optional<CompressionKind> preferred_compression(KindMask mask) {
    for (const auto kind : kCompressionPreference)
        if ((mask & static_cast<KindMask>(kind)) != 0) return kind;
    return std::nullopt;
}

std::size_t compress(CompressionKind kind, std::span<const std::byte> payload, std::span<std::byte> out) {
    if (payload.empty() || payload.size() > MARS_LOG_MAX_PAYLOAD || payload.size() % MARS_LOG_SECTOR != 0) return 0;
    out = out.first(payload.size() - 8); // with its padding it is shorter then
    std::size_t bytes = 0;
    switch (kind) {
    case CompressionKind::lzo:
        bytes = compress_lzo(payload, out);
        break;
    case CompressionKind::lz4: {
        const auto done = LZ4_compress_default(chars(payload), chars(out), static_cast<int>(payload.size()),
                                               static_cast<int>(out.size()));
        bytes = done > 0 ? static_cast<std::size_t>(done) : 0;
        break;
    }
    case CompressionKind::zlib:
        bytes = compress_zlib(payload, out);
        break;
    case CompressionKind::zstd:
        bytes = compress_zstd(payload, out);
        break;
    }
    return padded_body_bytes(bytes) < payload.size() ? bytes : 0;
}

bool decompress(CompressionKind kind, std::span<const std::byte> body, std::span<std::byte> out) {
    switch (kind) {
    case CompressionKind::lzo: {
        lzo_uint bytes = out.size();
        return lzo1x_decompress_safe(octets(body), body.size(), octets(out), &bytes, nullptr) == LZO_E_OK &&
               bytes == out.size();
    }
    case CompressionKind::lz4:
        return LZ4_decompress_safe(chars(body), chars(out), static_cast<int>(body.size()),
                                   static_cast<int>(out.size())) == static_cast<int>(out.size());
    case CompressionKind::zlib:
        return decompress_zlib(body, out);
    case CompressionKind::zstd:
        return ZSTD_decompressDCtx(workspace().reader.get(), out.data(), out.size(), body.data(), body.size()) ==
               out.size();
    }
    return false;
}

} // namespace mars::format
