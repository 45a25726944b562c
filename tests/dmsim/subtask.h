// A subtask that is simulated by time alone: what it does follows from when it began to run.
//
// In the document: tasks {name: {config, yaml, subtasks {source: subtask}}}, and a subtask has
//   expect           Running, Paused or Stopped: what is asked of it
//   progress         milliseconds that it has run before `since`
//   since            when it began to run, milliseconds since 1970; 0: it does not run
//   stopped          when it ceased to run
//   worker           the one it runs on, or ran on
//   error            null, or what pauses it: {after, ddl, once, relay, ErrCode, ...}
//   validation       null, or {mode, stage, errors}
//   create, mod      revisions, as etcd counts them
#pragma once

#include <cstdint>
#include <string>

#include "state.h"

namespace dmsim {

std::int64_t NowMs();

// A knob of the document, or else of the environment (DMSIM_DUMP_MS for dump_ms), or else this.
std::int64_t KnobOf(const Json& document, const std::string& name, std::int64_t fallback);
std::int64_t DumpMs(const Json& document);
std::int64_t FullMs(const Json& document);

// The pb.Stage and pb.UnitType of messages.
enum class Stage { kNew = 1, kRunning = 2, kPaused = 3, kStopped = 4, kFinished = 5 };
enum class Unit { kDump = 2, kLoad = 3, kSync = 4 };
const char* NameOf(Stage stage);
const char* NameOf(Unit unit);

struct Place {
  Stage stage = Stage::kNew;
  Unit unit = Unit::kDump;
  double part = 0;             // of the unit, 0 to 1; dump and load
  std::int64_t sync_ms = 0;    // time spent in sync
  std::int64_t behind_ms = 0;  // what is still to be read
  bool failed = false;         // its error pauses it
};
Place PlaceOf(const Json& document, const Json& task, const Json& subtask, std::int64_t now);

Json NewSubtask(const Json& document);
// Lets every subtask run or stand still, as its stage, its source's worker and its error have it.
void SettleSubtasks(std::int64_t now, Json* document);

// As pb.SubTaskStatus and pb.SourceStatus.
Json SubtaskStatus(const Json& document, const std::string& task, const std::string& source,
                   std::int64_t now);
Json SourceStatus(const Json& document, const std::string& source, std::int64_t now);
Json ValidationStatus(const Json& document, const std::string& task, const std::string& source,
                      std::int64_t now);

}  // namespace dmsim
