#include "server/host/far/system/journal_entries.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace dmgr::far {
namespace {

constexpr std::uint64_t kMaxValue = 1U << 20;
constexpr std::size_t kSizeBytes = 8;

std::uint64_t LittleEndian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = kSizeBytes; i > 0; --i) {
    number = number << 8 | static_cast<unsigned char>(bytes[i - 1]);
  }
  return number;
}

}  // namespace

std::string JournalEntry::Words() const {
  return identifier + (pid.empty() ? "" : "[" + pid + "]") + ": " + message;
}

std::string JournalEntry::Text() const {
  const std::time_t second = time / 1'000'000;
  std::tm parts = {};
  gmtime_r(&second, &parts);
  char stamp[64];
  const std::size_t size = std::strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(stamp + size, sizeof(stamp) - size, ".%03dZ ",
                static_cast<int>(time / 1000 % 1000));
  return stamp + Words() + "\n";
}

void JournalParser::Set(std::string_view name, std::string_view value) {
  any_ = true;
  if (name == "__CURSOR") entry_.cursor = value;
  // What a user's unit says comes from that user's systemd, too, which is a unit itself.
  if (name == "_SYSTEMD_UNIT" && entry_.from_unit.empty()) entry_.from_unit = value;
  if (name == "_SYSTEMD_USER_UNIT") entry_.from_unit = value;
  if (name == "UNIT" || name == "USER_UNIT") entry_.about_unit = value;
  if (name == "SYSLOG_IDENTIFIER") entry_.identifier = value;
  if (name == "_PID") entry_.pid = value;
  if (name == "MESSAGE") entry_.message = value;
  if (name == "__REALTIME_TIMESTAMP") {
    std::from_chars(value.data(), value.data() + value.size(), entry_.time);
  }
}

bool JournalParser::Step(const std::function<void(const JournalEntry&)>& take) {
  const std::string_view left = std::string_view(buffer_).substr(done_);
  if (skipped_ > 0) {
    const std::uint64_t now = std::min<std::uint64_t>(skipped_, left.size());
    skipped_ -= now;
    done_ += static_cast<std::size_t>(now);
    return now > 0;
  }
  const std::size_t newline = left.find('\n');
  if (newline == std::string_view::npos) {
    // No name is so long, and what is no export may go.
    if (left.size() > kMaxValue) done_ = buffer_.size();
    return false;
  }
  const std::string_view line = left.substr(0, newline);
  const std::size_t equals = line.find('=');
  if (line.empty()) {
    if (any_) take(entry_);
    entry_ = JournalEntry();
    any_ = false;
  } else if (equals != std::string_view::npos) {
    Set(line.substr(0, equals), line.substr(equals + 1));
  } else {
    // A name alone; then the size of the value, the value, a newline.
    const std::string_view after = left.substr(newline + 1);
    if (after.size() < kSizeBytes) return false;
    const std::uint64_t size = LittleEndian(after);
    if (size > kMaxValue) {
      done_ += newline + 1 + kSizeBytes;
      skipped_ = size + 1;
      return true;
    }
    if (after.size() < kSizeBytes + size + 1) return false;
    Set(line, after.substr(kSizeBytes, static_cast<std::size_t>(size)));
    done_ += kSizeBytes + static_cast<std::size_t>(size) + 1;
  }
  done_ += newline + 1;
  return true;
}

void JournalParser::Feed(std::string_view bytes,
                         const std::function<void(const JournalEntry&)>& take) {
  buffer_.erase(0, done_);
  done_ = 0;
  buffer_ += bytes;
  while (Step(take)) {
  }
}

std::vector<std::string> JournalWords(const std::vector<std::string>& units) {
  std::vector<std::string> words = {"journalctl", "--no-pager", "-q", "-o", "export"};
  for (const auto& unit : units) {
    words.emplace_back("-u");
    words.push_back(unit);
  }
  return words;
}

}  // namespace dmgr::far
