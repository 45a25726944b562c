// Configurations of sources and tasks, as callers send them and as DM keeps them.
#include "common/error.h"
#include "server/migrations/config.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

void CheckConfigRefusal(const absl::Status& status) {
  Must(!Reason(status).empty(), "an error without a reason");
}

v1::Target SomeTarget() {
  v1::Target target;
  target.set_target_name("t");
  target.set_host("10.0.0.9");
  target.set_port(4000);
  target.set_user_name("root");
  target.set_password("p'\"\\ss");
  return target;
}

}  // namespace

void FuzzMigrations(std::string_view input) {
  const std::string yaml(input);
  const auto source = migrations::ReadSource(yaml);
  if (source.ok()) {
    Must(!source->source_id.empty() && !source->host.empty(), "a source without a name or host");
    Must(migrations::ReadKnownSource(yaml).ok(), "what is taken from callers is not taken from DM");
  } else {
    CheckConfigRefusal(source.status());
  }
  const auto task = migrations::ReadTask(yaml);
  if (task.ok()) {
    Must(!task->name.empty() && !task->sources.empty(), "a task without a name or sources");
    const auto put = migrations::PutTarget(yaml, SomeTarget());
    if (put.ok() && !task->target_name.empty()) {
      Must(migrations::ReadTask(*put).ok(), "a task with its target in it is no task");
    }
  } else {
    CheckConfigRefusal(task.status());
  }
  const std::string shown = migrations::HideSecrets(yaml);
  if (!source.ok() && !task.ok()) return;
  Must(!shown.empty(), "nothing is shown of a configuration");
  Must(migrations::HideSecrets(shown) == shown, "what is hidden is hidden anew");
  const auto filled = migrations::FillHidden(shown, yaml);
  Must(filled.ok(), "what was hidden is not found again");
  Must(migrations::HideSecrets(*filled) == shown, "another secret is filled in");
}

}  // namespace dmgr::fuzz
