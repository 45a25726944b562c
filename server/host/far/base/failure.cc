#include "server/host/far/base/failure.h"

#include <cerrno>
#include <cstring>

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxOutput = 16U << 10;

bool IsContinuation(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

// Bytes of the UTF-8 sequence at `at`; 0 when there is none.
std::size_t SequenceAt(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  std::size_t size = 0;
  if (first >= 0xC2 && first <= 0xDF) size = 2;
  if (first >= 0xE0 && first <= 0xEF) size = 3;
  if (first >= 0xF0 && first <= 0xF4) size = 4;
  if (size == 0) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (!IsContinuation(text, at + i)) return 0;
  }
  const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool surrogate = first == 0xED && byte(1) > 0x9F;
  const bool too_big = first == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || too_big ? 0 : size;
}

}  // namespace

std::string CleanText(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = SequenceAt(text, at);
    if (size == 0 || text[at] == '\0') {
      clean += '?';
      ++at;
    } else {
      clean += text.substr(at, size);
      at += size;
    }
  }
  return clean;
}

Failed::Failed(hv1::Failure::Kind kind, std::string_view text, std::string_view path) {
  message_.set_kind(kind);
  message_.set_text(CleanText(text));
  message_.set_path(CleanText(path));
}

Failed& Failed::WithOutput(std::string_view output) & {
  if (output.size() > kMaxOutput) output.remove_prefix(output.size() - kMaxOutput);
  message_.set_output(CleanText(output));
  return *this;
}

Failed& Failed::WithProgram(std::string_view program, int exit_status) & {
  message_.set_program(CleanText(program));
  message_.set_exit_status(exit_status);
  return *this;
}

Failed& Failed::WithError(int error_number) & {
  message_.set_error_number(error_number);
  return *this;
}

Failed SystemFailure(std::string_view what, std::string_view path, int error_number) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  std::string text(what);
  text += " ";
  text += path;
  text += ": ";
  text += std::strerror(error_number);
  Failed failed(full ? hv1::Failure::KIND_NO_SPACE : hv1::Failure::KIND_SYSTEM, text, path);
  failed.WithError(error_number);
  return failed;
}

Failed BadRequest(std::string_view text, std::string_view path) {
  return Failed(hv1::Failure::KIND_BAD_REQUEST, text, path);
}

Failed Conflict(std::string_view text, std::string_view path) {
  return Failed(hv1::Failure::KIND_CONFLICT, text, path);
}

}  // namespace dmgr::far
