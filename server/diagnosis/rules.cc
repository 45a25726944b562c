#include "server/diagnosis/rules.h"

#include <string_view>

namespace dmgr::diagnosis {
namespace {

using components::Component;

// Whose words they are.
enum class Who { kAll, kDm, kMonitoring, kGrafana };

struct Rule {
  Who who;
  std::string_view phrase;
  Weight weight;
  bool lasts = false;
};

constexpr bool kLasts = true;

// The first rule whose phrase is in a line counts.
constexpr Rule kRules[] = {
    // etcd's reasons that no other start will change; dm-master has them in its own error.
    {Who::kDm, "expected IP in URL for binding", Weight::kCause, kLasts},
    {Who::kDm, "has already been bootstrapped", Weight::kCause, kLasts},
    {Who::kDm, "has been permanently removed from the cluster", Weight::kCause, kLasts},
    {Who::kDm, "crc mismatch", Weight::kCause, kLasts},
    // dm-master and dm-worker say on stdout why they take no flag or file; dm-worker calls it an
    // information that it cannot join.
    {Who::kDm, "parse cmd flags err", Weight::kCause, kLasts},
    {Who::kDm, "init logger error", Weight::kCause, kLasts},
    {Who::kDm, "fail to start dm-", Weight::kCause},
    {Who::kDm, "join the cluster meet error", Weight::kCause},
    // etcd's client and server tell these all the time.
    {Who::kDm, "retrying of unary invoker failed", Weight::kNoise},
    {Who::kDm, "check file permission", Weight::kNoise},
    {Who::kDm, "flag provided but not defined", Weight::kCause, kLasts},
    // Of the flags' own help.
    {Who::kDm, "Usage of ", Weight::kNoise},
    {Who::kDm, "  -", Weight::kNoise},
    {Who::kDm, "     ", Weight::kNoise},

    {Who::kMonitoring, "Error parsing commandline arguments", Weight::kCause, kLasts},
    {Who::kMonitoring, "error: unknown long flag", Weight::kCause, kLasts},
    {Who::kMonitoring, "rror loading config", Weight::kCause, kLasts},
    {Who::kMonitoring, "Loading configuration file failed", Weight::kCause, kLasts},
    {Who::kMonitoring, "pening storage failed", Weight::kCause},
    {Who::kMonitoring, "Unable to start web listener", Weight::kCause},
    {Who::kMonitoring, "unable to initialize gossip mesh", Weight::kCause},
    {Who::kMonitoring, "failed to parse templates", Weight::kCause, kLasts},

    {Who::kGrafana, "Server shutdown", Weight::kCause},
    {Who::kGrafana, "Failed to start grafana", Weight::kCause},
    {Who::kGrafana, "Could not find config defaults", Weight::kCause, kLasts},
    {Who::kGrafana, "Failed to parse ", Weight::kCause, kLasts},
    {Who::kGrafana, "Error: \xE2\x9C\x97", Weight::kCause},

    // The system and the Go runtime.
    {Who::kAll, "panic: ", Weight::kCause},
    {Who::kAll, "fatal error: ", Weight::kCause},
    {Who::kAll, "o space left on device", Weight::kCause},
    {Who::kAll, "isk quota exceeded", Weight::kCause},
    {Who::kAll, "ead-only file system", Weight::kCause},
    {Who::kAll, "nput/output error", Weight::kCause},
    {Who::kAll, "ddress already in use", Weight::kCause},
    {Who::kAll, "annot assign requested address", Weight::kCause},
    {Who::kAll, "oo many open files", Weight::kCause},

    // The shell that runs the instance's script, numactl, the loader.
    {Who::kAll, ".sh: line ", Weight::kCause, kLasts},
    {Who::kAll, "/bin/bash: ", Weight::kCause, kLasts},
    {Who::kAll, "ermission denied", Weight::kCause, kLasts},
    {Who::kAll, "cannot execute", Weight::kCause, kLasts},
    {Who::kAll, "error while loading shared libraries", Weight::kCause, kLasts},
    {Who::kAll, "libnuma: ", Weight::kCause, kLasts},

    // Another program in the place of this one: getopt's words.
    {Who::kAll, "nrecognized option", Weight::kCause, kLasts},
    {Who::kAll, "invalid option", Weight::kCause, kLasts},
    {Who::kAll, "--help' for more information", Weight::kNoise},

    // systemd; before version 230 with other words than today.
    {Who::kAll, "Failed at step ", Weight::kCause, kLasts},
    {Who::kAll, "Failed to determine user credentials", Weight::kCause, kLasts},
    {Who::kAll, "killed by the OOM killer", Weight::kCause},
    {Who::kAll, "Failed with result 'oom-kill'", Weight::kCause},
    {Who::kAll, "rocess exited, code=", Weight::kHint},
    {Who::kAll, "Failed with result", Weight::kNoise},
    {Who::kAll, "entered failed state", Weight::kNoise},
    {Who::kAll, ".service failed.", Weight::kNoise},
    {Who::kAll, "scheduling restart", Weight::kNoise},
    {Who::kAll, "Scheduled restart job", Weight::kNoise},
    {Who::kAll, "Deactivated successfully", Weight::kNoise},
    {Who::kAll, "Consumed ", Weight::kNoise},
    {Who::kAll, "systemd[1]: Start", Weight::kNoise},
    {Who::kAll, "systemd[1]: Stopp", Weight::kNoise},
};

bool Concerns(Who who, Component component) {
  switch (who) {
    case Who::kAll:
      return true;
    case Who::kDm:
      return component == Component::kDmMaster || component == Component::kDmWorker;
    case Who::kMonitoring:
      return component == Component::kPrometheus || component == Component::kAlertmanager;
    case Who::kGrafana:
      return component == Component::kGrafana;
  }
  return false;
}

// A phrase that is indented is the beginning of the line.
bool Says(std::string_view said, std::string_view phrase) {
  return phrase.starts_with(' ') ? said.starts_with(phrase) : said.find(phrase) != said.npos;
}

Judgement ByLevel(Level level) {
  switch (level) {
    case Level::kNone:
      return {Weight::kSaid};
    case Level::kError:
      return {Weight::kSuspect};
    case Level::kFatal:
      return {Weight::kCause};
    default:
      return {Weight::kNoise};
  }
}

}  // namespace

Judgement Judge(Component component, const Line& line) {
  for (const Rule& rule : kRules) {
    if (!Concerns(rule.who, component)) continue;
    if (!Says(line.said, rule.phrase)) continue;
    // Words that end a process when they are an error are news in a line that calls itself none;
    // dm-worker alone calls its end an information.
    const bool harmless = line.level != Level::kNone && line.level < Level::kError &&
                          rule.phrase != "join the cluster meet error";
    return harmless ? Judgement{Weight::kNoise} : Judgement{rule.weight, rule.lasts};
  }
  return ByLevel(line.level);
}

}  // namespace dmgr::diagnosis
