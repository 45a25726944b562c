// Entries of the journal, as journalctl exports them: any bytes, and none of them mistaken.
#ifndef DMGR_SERVER_HOST_FAR_SYSTEM_JOURNAL_ENTRIES_H_
#define DMGR_SERVER_HOST_FAR_SYSTEM_JOURNAL_ENTRIES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dmgr::far {

struct JournalEntry {
  std::string cursor;
  // Microseconds of Unix time.
  std::int64_t time = 0;
  // Who it is from, and whom it is about: systemd speaks of a unit.
  std::string from_unit;
  std::string about_unit;
  std::string identifier;
  std::string pid;
  std::string message;

  // "systemd[1]: ...".
  std::string Words() const;
  // "2026-11-22T21:30:05.123Z systemd[1]: ..." with a newline; more when the message has them.
  std::string Text() const;
};

// Takes the output of `journalctl -o export` apart. What is not wanted of an entry is dropped as it
// comes; a message has at most 1 MiB.
class JournalParser {
 public:
  void Feed(std::string_view bytes, const std::function<void(const JournalEntry& entry)>& take);

 private:
  // One field, or the end of an entry; false: more bytes are needed.
  bool Step(const std::function<void(const JournalEntry& entry)>& take);
  void Set(std::string_view name, std::string_view value);

  std::string buffer_;
  std::size_t done_ = 0;
  // Bytes of a huge value that are still to come, and go.
  std::uint64_t skipped_ = 0;
  bool any_ = false;
  JournalEntry entry_;
};

// The words that have journalctl export these units' entries, before those that say which.
std::vector<std::string> JournalWords(const std::vector<std::string>& units);

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_SYSTEM_JOURNAL_ENTRIES_H_
