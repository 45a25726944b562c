// What is known of the lines that the components, their shell and systemd write. Private to this
// room.
#ifndef DMGR_SERVER_DIAGNOSIS_RULES_H_
#define DMGR_SERVER_DIAGNOSIS_RULES_H_

#include "common/components/component.h"
#include "server/diagnosis/line.h"

namespace dmgr::diagnosis {

// How much a line tells of why a process does not run; more is later.
enum class Weight {
  kNoise,    // It is there in every healthy life, too.
  kHint,     // How the process ended.
  kSaid,     // Of no form that is known.
  kSuspect,  // It calls itself an error.
  kCause,    // With it processes end.
};

struct Judgement {
  Weight weight = Weight::kSaid;
  // The next start will say it again, until somebody has changed something.
  bool lasts = false;
};

Judgement Judge(components::Component component, const Line& line);

}  // namespace dmgr::diagnosis

#endif  // DMGR_SERVER_DIAGNOSIS_RULES_H_
