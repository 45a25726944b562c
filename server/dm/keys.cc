#include "server/dm/keys.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace dmgr::dm {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string ToHex(std::string_view bytes) {
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kHexDigits[byte >> 4];
    hex += kHexDigits[byte & 0xF];
  }
  return hex;
}

std::optional<std::string> FromHex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const std::size_t high = kHexDigits.find(hex[i]);
    const std::size_t low = kHexDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

// With its length, so that no two lists of texts give the same bytes.
void HashText(crypto_generichash_state* state, const std::string& text) {
  std::array<unsigned char, 8> size{};
  for (std::size_t i = 0; i < size.size(); ++i) {
    size[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(text.size()) >> (8 * i));
  }
  crypto_generichash_update(state, size.data(), size.size());
  crypto_generichash_update(state, reinterpret_cast<const unsigned char*>(text.data()),
                            text.size());
}

}  // namespace

std::string ContentHash(const KeysCopy& copy) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, crypto_generichash_BYTES);
  for (const Key& key : copy.keys()) {
    HashText(&state, key.key());
    HashText(&state, key.value());
  }
  std::array<unsigned char, crypto_generichash_BYTES> hash{};
  crypto_generichash_final(&state, hash.data(), hash.size());
  return ToHex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

KeysDifference Compare(const KeysCopy& before, const KeysCopy& after) {
  KeysDifference difference;
  auto old = before.keys().begin();
  auto now = after.keys().begin();
  while (old != before.keys().end() || now != after.keys().end()) {
    const bool gone =
        now == after.keys().end() || (old != before.keys().end() && old->key() < now->key());
    const bool added = !gone && (old == before.keys().end() || now->key() < old->key());
    if (gone) {
      difference.only_before.push_back((old++)->key());
    } else if (added) {
      difference.only_after.push_back((now++)->key());
    } else {
      if (old->value() != now->value()) difference.changed.push_back(old->key());
      ++old;
      ++now;
    }
  }
  return difference;
}

std::optional<std::vector<std::string>> NamesIn(std::string_view key, std::string_view prefix) {
  if (!key.starts_with(prefix) || key.size() == prefix.size()) return std::nullopt;
  std::string_view rest = key.substr(prefix.size());
  std::vector<std::string> names;
  while (true) {
    const std::size_t slash = rest.find('/');
    std::optional<std::string> name = FromHex(rest.substr(0, slash));
    if (!name.has_value()) return std::nullopt;
    names.push_back(*std::move(name));
    if (slash == std::string_view::npos) return names;
    rest.remove_prefix(slash + 1);
  }
}

std::string KeyOf(std::string_view prefix, const std::vector<std::string>& names) {
  std::string key(prefix);
  for (const std::string& name : names) {
    if (key.back() != '/') key += '/';
    key += ToHex(name);
  }
  return key;
}

}  // namespace dmgr::dm
