// Why a process does not run, from what it, its shell and systemd have said. Pure.
#ifndef DMGR_SERVER_DIAGNOSIS_DIAGNOSIS_H_
#define DMGR_SERVER_DIAGNOSIS_DIAGNOSIS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/components/component.h"

namespace dmgr::diagnosis {

// A log, or the part of it that is about the life in question.
struct Log {
  // A path; empty: the unit's journal.
  std::string path;
  std::string text;
};

// A directory of the instance, and the room on its file system.
struct Directory {
  // "data", "log", "deploy".
  std::string what;
  std::string path;
  std::uint64_t free_bytes = 0;
  std::uint64_t free_inodes = 0;
  // 0: inodes are not counted there.
  std::uint64_t all_inodes = 0;
};

struct Evidence {
  components::Component component = components::Component::kDmMaster;
  // Those that tell most first: stdout, the log file, stderr, the journal.
  std::vector<Log> logs;
  std::vector<Directory> directories;
  // Of the last main process.
  int exit_status = 0;
};

struct Diagnosis {
  // In one line; never empty.
  std::string cause;
  // What else was said, without noise: at most nine lines, each of bounded length.
  std::vector<std::string> lines;
  // Logs that have something.
  std::vector<std::string> paths;
  bool in_journal = false;
  // Another start by itself will not help.
  bool lasts = false;
  // Nothing was found: the cause is only that nothing was said.
  bool is_silent = false;
};

Diagnosis Explain(const Evidence& evidence);

// The directory without room in words, such as "its data directory /data is full: 0 bytes are
// free"; empty when all have some.
std::string FullDirectory(const std::vector<Directory>& directories);

// Whose failure a text is about.
struct Subject {
  std::string name;
  std::string machine;
  std::string unit;
  // What it does not do: "does not start".
  std::string problem;
};

// The cause on the first line, what else was said on the next ones, and where the rest is on the
// last.
std::string Describe(const Subject& subject, const Diagnosis& diagnosis, int exit_status);

}  // namespace dmgr::diagnosis

#endif  // DMGR_SERVER_DIAGNOSIS_DIAGNOSIS_H_
