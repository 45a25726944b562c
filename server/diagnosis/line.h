// Lines of logs. Private to this room.
#ifndef DMGR_SERVER_DIAGNOSIS_LINE_H_
#define DMGR_SERVER_DIAGNOSIS_LINE_H_

#include <string>
#include <string_view>
#include <vector>

namespace dmgr::diagnosis {

enum class Level { kNone, kDebug, kInfo, kWarning, kError, kFatal };

struct Line {
  // kNone: the line has no form that is known.
  Level level = Level::kNone;
  // What it says: its message and, after a colon, its error; without time, place and other fields.
  // The whole of a line without a known form, or with nothing to say. One line, without control
  // characters.
  std::string said;
};

// There is nothing, or nothing but spaces.
bool IsBlank(std::string_view text);

// One line as DM and etcd (text and JSON of zap), Prometheus and Alertmanager (logfmt) and Grafana
// write them.
Line ParseLine(std::string_view text);

// The lines of a log without control characters and colours, and without the stacks of goroutines.
std::vector<std::string> LinesOf(std::string_view log);

}  // namespace dmgr::diagnosis

#endif  // DMGR_SERVER_DIAGNOSIS_LINE_H_
