#include "common/ids.h"

#include <fmt/format.h>
#include <sodium.h>
#include <uuid/uuid.h>

#include <cstdlib>

namespace dmgr {
namespace {

constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

}  // namespace

std::string RandomBytes(std::size_t size) {
  // Safe to repeat; only the first call does anything.
  if (sodium_init() < 0) std::abort();
  std::string bytes(size, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

std::string HexEncode(std::string_view bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (unsigned char c : bytes) fmt::format_to(std::back_inserter(hex), "{:02x}", c);
  return hex;
}

std::string NewUuid() {
  uuid_t uuid;
  uuid_generate_random(uuid);
  std::string text(UUID_STR_LEN, '\0');
  uuid_unparse_lower(uuid, text.data());
  text.resize(text.size() - 1);  // The length counts a terminating zero.
  return text;
}

bool IsUuid(std::string_view text) {
  uuid_t ignored;
  return uuid_parse_range(text.data(), text.data() + text.size(), ignored) == 0;
}

std::string Base64UrlEncode(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), kVariant);
  text.resize(text.size() - 1);  // The encoded length counts a terminating zero.
  return text;
}

std::optional<std::string> Base64UrlDecode(std::string_view text) {
  std::string bytes(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &size, nullptr, kVariant) != 0) {
    return std::nullopt;
  }
  bytes.resize(size);
  // libsodium takes some bytes that are no ASCII for characters of its own.
  if (Base64UrlEncode(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace dmgr
