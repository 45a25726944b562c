#include "server/host/far/system/journal.h"

#include <cstdlib>
#include <string_view>
#include <vector>

#include "server/host/far/base/failure.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxText = 64U << 10;
// An exported entry has about 1 KiB of fields beside its message.
constexpr std::size_t kMaxExport = 1U << 20;
constexpr char kMaxEntries[] = "500";
constexpr milliseconds kTimeout{10000};
constexpr std::uint64_t kMicroseconds = 1000000;

// What journalctl prints; empty when it cannot.
std::string Journalctl(Context& context, const std::vector<std::string>& arguments,
                       std::size_t limit) {
  if (!context.programs.Has("journalctl")) return {};
  std::vector<std::string> argv = {"journalctl"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  ProgramOptions options;
  options.timeout = kTimeout;
  options.output_limit = limit;
  try {
    return context.programs.Run(context.call, argv, options).out;
  } catch (const Failed& failed) {
    if (failed.message().kind() == hv1::Failure::KIND_CANCELLED) throw;
    return {};
  }
}

struct JournalEntry {
  std::uint64_t time_us = 0;
  std::string program;
  std::string pid;
  std::string message;
};

// Entries of "journalctl -o export": a line NAME=VALUE for each field, or, when the value has bytes
// that no line has, NAME alone, its length as 8 bytes, little endian, and the value; an empty line
// after each entry. Every systemd writes this form, and each entry's own time with it.
class ExportReader {
 public:
  explicit ExportReader(std::string_view text) : text_(text) {}

  // False at the end, or where an entry is not whole.
  bool Next(JournalEntry* entry) {
    *entry = JournalEntry();
    bool has_fields = false;
    while (at_ < text_.size()) {
      const std::size_t end = text_.find('\n', at_);
      if (end == std::string_view::npos) return false;
      const std::string_view line = text_.substr(at_, end - at_);
      at_ = end + 1;
      if (line.empty() && has_fields) return true;
      if (line.empty()) continue;
      has_fields = true;
      const std::size_t equals = line.find('=');
      if (equals != std::string_view::npos) {
        Take(line.substr(0, equals), line.substr(equals + 1), entry);
      } else if (!TakeBytes(line, entry)) {
        return false;
      }
    }
    return false;
  }

 private:
  bool TakeBytes(std::string_view name, JournalEntry* entry) {
    constexpr std::size_t kLength = 8;
    if (text_.size() - at_ < kLength) return false;
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < kLength; ++i) {
      size |= std::uint64_t{static_cast<unsigned char>(text_[at_ + i])} << (8 * i);
    }
    at_ += kLength;
    if (size >= text_.size() - at_) return false;
    Take(name, text_.substr(at_, size), entry);
    at_ += size + 1;
    return true;
  }

  static void Take(std::string_view name, std::string_view value, JournalEntry* entry) {
    if (name == "__REALTIME_TIMESTAMP") {
      entry->time_us = std::strtoull(std::string(value).c_str(), nullptr, 10);
    } else if (name == "SYSLOG_IDENTIFIER") {
      entry->program = value;
    } else if (name == "_PID") {
      entry->pid = value;
    } else if (name == "MESSAGE") {
      entry->message = value;
    }
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string JournalTail(Context& context, const std::string& unit, std::uint32_t lines) {
  return Journalctl(context, {"-u", unit, "-n", std::to_string(lines), "--no-pager", "-q"},
                    kMaxText);
}

std::string JournalSince(Context& context, const std::string& unit, std::uint64_t since_us,
                         std::size_t max_bytes) {
  // journalctl is told whole seconds, which all of its versions take.
  const std::string text =
      Journalctl(context,
                 {"-u", unit, "--since=@" + std::to_string(since_us / kMicroseconds), "-n",
                  kMaxEntries, "-o", "export", "--no-pager", "-q"},
                 kMaxExport);
  std::string lines;
  // Of more than the limit the beginning is lost, and with it the first entry's.
  const std::size_t first = text.size() < kMaxExport ? 0 : text.find("\n\n");
  ExportReader reader(std::string_view(text).substr(std::min(first, text.size())));
  JournalEntry entry;
  while (reader.Next(&entry)) {
    if (entry.time_us < since_us) continue;
    lines += entry.program + (entry.pid.empty() ? "" : "[" + entry.pid + "]") + ": " +
             entry.message + "\n";
  }
  if (lines.size() > max_bytes) lines.erase(0, lines.size() - max_bytes);
  return lines;
}

}  // namespace dmgr::far
