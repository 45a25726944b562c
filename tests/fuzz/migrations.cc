// Configurations of sources and tasks, as callers send them and as DM keeps them.
#include "common/error.h"
#include "server/migrations/config.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

void CheckConfigRefusal(const absl::Status& status) {
  Must(!Reason(status).empty(), "an error without a reason");
}

constexpr char kOfTarget[] = "Zq7-of-the-target";

v1::Target SomeTarget() {
  v1::Target target;
  target.set_target_name("t");
  target.set_host("10.0.0.9");
  target.set_port(4000);
  target.set_user_name("root");
  target.set_password(kOfTarget);
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
    if (put.ok()) {
      Must(migrations::HideSecrets(*put).find(kOfTarget) == std::string::npos,
           "the password of a target is shown");
    }
  } else {
    CheckConfigRefusal(task.status());
  }
  // Empty where it could not be told what of the text is secret.
  const std::string shown = migrations::HideSecrets(yaml);
  if (shown.empty()) return;
  Must(migrations::HideSecrets(shown) == shown, "what is hidden is hidden anew");
  const auto filled = migrations::FillHidden(shown, yaml);
  if (!filled.ok()) return CheckConfigRefusal(filled.status());
  const std::string again = migrations::HideSecrets(*filled);
  Must(again.empty() || again == shown, "another secret is filled in");
}

}  // namespace dmgr::fuzz
