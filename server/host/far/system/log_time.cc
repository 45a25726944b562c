#include "server/host/far/system/log_time.h"

#include <algorithm>
#include <cctype>
#include <ctime>

namespace dmgr::far {
namespace {

// Before it there may be a bracket, a key, a level, a name.
constexpr std::size_t kSearched = 120;

// Reads from the front of a text; nothing more is read once something was not there.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool ok() const { return ok_; }
  char Peek() const { return text_.empty() ? '\0' : text_.front(); }
  bool Skip(std::string_view any_of) {
    const bool there = !text_.empty() && any_of.find(text_.front()) != std::string_view::npos;
    if (there) text_.remove_prefix(1);
    return there;
  }
  void Must(std::string_view any_of) { ok_ = ok_ && Skip(any_of); }
  int Number(std::size_t digits) {
    int number = 0;
    for (std::size_t i = 0; ok_ && i < digits; ++i) {
      ok_ = IsDigit();
      if (ok_) number = number * 10 + Take();
    }
    return number;
  }
  // Of a second, if there is a part of one.
  int Milliseconds() {
    if (!Skip(".,")) return 0;
    int number = 0;
    int digits = 0;
    for (; IsDigit(); ++digits) {
      const int digit = Take();
      if (digits < 3) number = number * 10 + digit;
    }
    for (; digits < 3; ++digits) number *= 10;
    return number;
  }

 private:
  bool IsDigit() const { return Peek() >= '0' && Peek() <= '9'; }
  int Take() {
    const int digit = text_.front() - '0';
    text_.remove_prefix(1);
    return digit;
  }

  std::string_view text_;
  bool ok_ = true;
};

// Seconds east of UTC.
int Zone(Reader* reader) {
  const bool blank = reader->Peek() == ' ';
  Reader ahead = *reader;
  if (blank) ahead.Skip(" ");
  const char sign = ahead.Peek();
  if (sign != '+' && sign != '-') return 0;
  ahead.Skip("+-");
  const int hours = ahead.Number(2);
  ahead.Skip(":");
  const int minutes = ahead.Number(2);
  if (!ahead.ok()) return 0;
  return (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

std::optional<std::int64_t> TimeAt(std::string_view text) {
  Reader reader(text);
  std::tm parts = {};
  parts.tm_year = reader.Number(4) - 1900;
  reader.Must("-/");
  parts.tm_mon = reader.Number(2) - 1;
  reader.Must("-/");
  parts.tm_mday = reader.Number(2);
  reader.Must("T ");
  parts.tm_hour = reader.Number(2);
  reader.Must(":");
  parts.tm_min = reader.Number(2);
  reader.Must(":");
  parts.tm_sec = reader.Number(2);
  if (!reader.ok() || parts.tm_mon < 0 || parts.tm_mon > 11) return std::nullopt;
  const int part = reader.Milliseconds();
  const std::int64_t second = timegm(&parts) - Zone(&reader);
  return second * 1000 + part;
}

}  // namespace

std::optional<std::int64_t> LogTime(std::string_view line) {
  line = line.substr(0, kSearched + 40);
  for (std::size_t at = 0; at < std::min(line.size(), kSearched); ++at) {
    // All that are meant begin so.
    if (line[at] != '2' || (at > 0 && std::isdigit(static_cast<unsigned char>(line[at - 1])) != 0))
      continue;
    const auto time = TimeAt(line.substr(at));
    if (time.has_value()) return time;
  }
  return std::nullopt;
}

}  // namespace dmgr::far
