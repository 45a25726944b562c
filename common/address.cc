#include "common/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

#include "absl/strings/match.h"
#include "common/error.h"

namespace dmgr {
namespace {

constexpr int kMaxPort = 65535;

// inet_pton() ends at a zero byte, behind which the text may go on.
bool ParseOf(int family, std::string_view text, void* address) {
  return text.find('\0') == std::string_view::npos &&
         inet_pton(family, std::string(text).c_str(), address) == 1;
}

bool ParseIpv4(std::string_view text, in_addr* address) { return ParseOf(AF_INET, text, address); }

bool ParseIpv6(std::string_view text, in6_addr* address) {
  return ParseOf(AF_INET6, text, address);
}

bool IsLoopback(const in_addr& address) { return (ntohl(address.s_addr) >> 24) == IN_LOOPBACKNET; }

bool IsNameCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > ' ' && byte != 0x7f && std::string_view(":/@[]").find(c) == std::string_view::npos;
}

}  // namespace

std::string JoinHostPort(std::string_view host, int port) {
  const bool ipv6 = host.find(':') != std::string_view::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::optional<HostPort> ParseHostPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    in6_addr ignored = {};
    if (!ParseIpv6(host, &ignored)) return std::nullopt;
  } else if (host.empty() || !std::all_of(host.begin(), host.end(), IsNameCharacter)) {
    return std::nullopt;
  }
  HostPort parsed{.host = std::string(host)};
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, parsed.port);
  if (error != std::errc() || at != end || digits.front() == '-' || parsed.port > kMaxPort) {
    return std::nullopt;
  }
  return parsed;
}

bool IsIpAddress(std::string_view host) {
  in_addr ipv4 = {};
  in6_addr ipv6 = {};
  return ParseIpv4(host, &ipv4) || ParseIpv6(host, &ipv6);
}

bool IsLoopback(std::string_view host) {
  if (absl::EqualsIgnoreCase(ToAbsl(host), "localhost")) return true;
  in_addr ipv4 = {};
  if (ParseIpv4(host, &ipv4)) return IsLoopback(ipv4);
  in6_addr ipv6 = {};
  if (!ParseIpv6(host, &ipv6)) return false;
  if (IN6_IS_ADDR_LOOPBACK(&ipv6)) return true;
  if (!IN6_IS_ADDR_V4MAPPED(&ipv6)) return false;
  std::copy_n(&ipv6.s6_addr[12], sizeof(ipv4), reinterpret_cast<unsigned char*>(&ipv4));
  return IsLoopback(ipv4);
}

}  // namespace dmgr
