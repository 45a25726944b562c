#include "client/known_hosts.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace dmgr::client {
namespace {

constexpr unsigned kDefaultPort = 22;
constexpr std::string_view kHashed = "|1|";

// By * and ?; brackets mean themselves.
bool Matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// "|1|SALT|HASH": SHA-1 is what the format has.
bool MatchesHashed(const std::string& words, const std::string& name) {
  const std::size_t bar = words.find('|', kHashed.size());
  std::string salt, hash;
  if (bar == std::string::npos ||
      !absl::Base64Unescape(words.substr(kHashed.size(), bar - kHashed.size()), &salt) ||
      !absl::Base64Unescape(words.substr(bar + 1), &hash)) {
    return false;
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (HMAC(EVP_sha1(), salt.data(), static_cast<int>(salt.size()),
           reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest,
           &size) == nullptr) {
    return false;
  }
  return hash == std::string(reinterpret_cast<const char*>(digest), size);
}

// Of a line's first word; one that begins with ! takes the host out.
bool IsNamed(const std::string& names, const std::string& name) {
  if (names.starts_with(kHashed)) return MatchesHashed(names, name);
  bool found = false;
  std::istringstream in(names);
  for (std::string pattern; std::getline(in, pattern, ',');) {
    const bool negated = pattern.starts_with("!");
    if (!Matches(absl::AsciiStrToLower(negated ? pattern.substr(1) : pattern), name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

}  // namespace

KnownKeys FindKnownKeys(std::string_view text, const std::string& host, unsigned port) {
  const std::string lower = absl::AsciiStrToLower(host);
  const std::string name = port == kDefaultPort ? lower : fmt::format("[{}]:{}", lower, port);
  KnownKeys known;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line);
    std::string marker, names, type, key;
    in >> names;
    if (names.starts_with("@")) {
      marker = names;
      in >> names;
    }
    if (!(in >> type >> key) || names.starts_with("#") || !IsNamed(names, name)) continue;
    if (marker.empty()) known.keys.push_back(fmt::format("{} {}", type, key));
    if (marker == "@revoked") known.revoked.push_back(fmt::format("{} {}", type, key));
  }
  return known;
}

}  // namespace dmgr::client
