#include "tests/support/secret_scan.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

// Larger ones are programs and disks.
constexpr std::uintmax_t kMaxFile = 32U << 20;

std::string Base64(const std::string& text) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i + 2 < text.size(); i += 3) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[i + at]); };
    const unsigned bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (int shift : {18, 12, 6, 0}) out += kDigits[bits >> shift & 63];
  }
  return out;
}

std::string Hex(const std::string& text, const char* digits) {
  std::string out;
  for (const unsigned char c : text) out.append({digits[c >> 4], digits[c & 15]});
  return out;
}

std::string PercentEncoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : "%" + Hex(std::string(1, c), "0123456789ABCDEF");
  }
  return out;
}

std::string Read(const fs::path& path) {
  const std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  // That of a process which ends meanwhile cannot be read to its end: no iterator, which throws.
  text << in.rdbuf();
  return text.str();
}

}  // namespace

void SecretScan::Add(const std::string& name, const std::string& secret) {
  std::vector<std::string>& needles = needles_[name];
  needles = {secret, Hex(secret, "0123456789abcdef"), Hex(secret, "0123456789ABCDEF"),
             PercentEncoded(secret)};
  const std::string json =
      nlohmann::json(secret).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // Of bytes that are no text nothing is left there.
  if (json.find("\xEF\xBF\xBD") == std::string::npos) {
    needles.push_back(json.substr(1, json.size() - 2));
  }
  for (std::size_t skipped = 0; skipped < 3; ++skipped) {
    std::string encoded = Base64(secret.substr(skipped));
    needles.push_back(encoded);
    std::replace(encoded.begin(), encoded.end(), '+', '-');
    std::replace(encoded.begin(), encoded.end(), '/', '_');
    needles.push_back(encoded);
  }
}

std::set<std::string> SecretScan::In(std::string_view text,
                                     const std::set<std::string>& allowed) const {
  std::set<std::string> found;
  for (const auto& [name, needles] : needles_) {
    if (allowed.contains(name)) continue;
    const bool is_there = std::any_of(needles.begin(), needles.end(), [&](const auto& needle) {
      return text.find(needle) != std::string_view::npos;
    });
    if (is_there) found.insert(name);
  }
  return found;
}

std::vector<std::string> SecretScan::InFiles(
    const fs::path& root,
    const std::function<bool(const fs::path&, const std::string&)>& allowed) const {
  std::vector<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator walk(root, fs::directory_options::skip_permission_denied, error);
  for (; walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    if (error) break;
    if (!walk->is_regular_file(error) || walk->is_symlink(error)) continue;
    if (walk->file_size(error) > kMaxFile || error) continue;
    for (const std::string& name : In(Read(walk->path()))) {
      if (!allowed(walk->path(), name)) found.push_back(walk->path().string() + " has " + name);
    }
  }
  return found;
}

ProcessWatch::ProcessWatch(const SecretScan* scan)
    : scan_(*scan), thread_([this] {
        while (!stop_) Look();
      }) {}

ProcessWatch::~ProcessWatch() {
  stop_ = true;
  thread_.join();
}

void ProcessWatch::Look() {
  std::error_code error;
  const std::string own = std::to_string(getpid());
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    const std::string pid = process.path().filename();
    if (pid == own || pid.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string arguments = Read(process.path() / "cmdline");
    auto found = scan_.In(arguments);
    // Whoever calls with an API token has it there.
    const bool is_caller = arguments.find("dmgrctl") != std::string::npos;
    if (!is_caller) found.merge(scan_.In(Read(process.path() / "environ")));
    ++reads_;
    if (found.empty()) continue;
    const std::lock_guard lock(mutex_);
    for (const auto& name : found) {
      seen_.insert(name + " of: " + arguments.substr(0, arguments.find('\0')));
    }
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

std::set<std::string> ProcessWatch::Seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

}  // namespace dmgr::testing
