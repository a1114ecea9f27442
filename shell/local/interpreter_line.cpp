// SPDX-License-Identifier: GPL-2.0-or-later
#include "shell/local/interpreter_line.hpp"

#include "kernel/base/plain_text.hpp"
#include "kernel/base/trim.hpp"

namespace mars::shell {

namespace {

constexpr std::size_t kProgramBytes = std::size_t{1} << 20; // scripts; larger ones are no text

} // namespace

std::string interpreter_trouble(const env::Storage& storage, const std::string& program) {
    const auto content = storage.read_file(program, kProgramBytes);
    if (!content) return {};
    std::string_view text = *content;
    if (text.starts_with(kByteOrderMark))
        return "; it begins with a byte order mark; next: sed -i '1s/^\\xef\\xbb\\xbf//' " + program;
    if (!text.starts_with("#!")) return {};
    const auto line = text.substr(2, text.find('\n') - 2);
    if (line.ends_with('\r'))
        return "; its first line names " + std::string(trim(line.substr(0, line.size() - 1))) +
               "\\r: the file has CRLF line ends; next: sed -i 's/\\r$//' " + program;
    auto interpreter = trim(line);
    interpreter = interpreter.substr(0, interpreter.find_first_of(" \t"));
    if (storage.status(std::string(interpreter))) return {};
    return "; its first line names " + std::string(interpreter) + ", which does not exist";
}

} // namespace mars::shell
