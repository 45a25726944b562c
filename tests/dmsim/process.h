// What every program of the stand-in has: version text, log file, metrics, stop signals.
#pragma once

#include <string>
#include <string_view>

#include "http.h"

namespace dmsim {

// From a trailer "\nDMSIM-VERSION=vX.Y.Z\n" at the end of the executable, else v7.5.1.
std::string ReleaseVersion();
// True when this program's version is at least major.minor.
bool VersionAtLeast(int major, int minor);
// The lines of -V and of /status.
std::string VersionText();

enum class LogLevel { kDebug, kInfo, kWarn, kError, kFatal };
bool ParseLogLevel(std::string_view text, LogLevel* level);
// An empty file means stderr. False when the file cannot be opened.
bool OpenLog(LogLevel level, const std::string& file);
void Log(LogLevel level, std::string_view text);
inline void Info(std::string_view text) { Log(LogLevel::kInfo, text); }
inline void Warn(std::string_view text) { Log(LogLevel::kWarn, text); }
inline void Error(std::string_view text) { Log(LogLevel::kError, text); }

// The reason of an exit goes to stdout, where the real programs print it, and to the log.
[[noreturn]] void ExitWith(int code, const std::string& reason);

// Blocks the stop signals for all threads to come; call it first in main().
void BlockStopSignals();
// Waits for SIGTERM, SIGINT, SIGQUIT or SIGHUP.
int WaitForStopSignal();
// Ends the process without running destructors under threads that still work.
[[noreturn]] void ExitNow(int code);

// The metrics that every Go program with a Prometheus client shows, and `extra`.
HttpResponse MetricsResponse(const std::string& extra);
HttpResponse NotFoundResponse();
// A knob: a positive whole number in the environment, else the fallback.
int SecondsOf(const char* variable, int fallback);
// Seconds after which a silent member's lease ends: 60, or DMSIM_LEASE_SECONDS.
inline int LeaseSeconds() { return SecondsOf("DMSIM_LEASE_SECONDS", 60); }

}  // namespace dmsim
