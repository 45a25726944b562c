#include "process.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <mutex>

#ifndef DMSIM_DEFAULT_VERSION
#define DMSIM_DEFAULT_VERSION "v7.5.1"
#endif

namespace dmsim {
namespace {

constexpr std::string_view kTrailer = "\nDMSIM-VERSION=";
constexpr std::streamoff kTrailerWindow = 256;

std::string ReadVersion() {
  std::ifstream self("/proc/self/exe", std::ios::binary | std::ios::ate);
  const std::streamoff size = self.tellg();
  const std::streamoff start = size > kTrailerWindow ? size - kTrailerWindow : 0;
  std::string tail(static_cast<std::size_t>(size - start), '\0');
  self.seekg(start);
  self.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  const auto at = tail.rfind(kTrailer);
  if (at == std::string::npos || tail.back() != '\n') return DMSIM_DEFAULT_VERSION;
  const auto begin = at + kTrailer.size();
  return tail.substr(begin, tail.find('\n', begin) - begin);
}

struct LogSink {
  std::mutex mutex;
  LogLevel level = LogLevel::kInfo;
  std::FILE* file = nullptr;
};

LogSink& Sink() {
  static LogSink sink;
  return sink;
}

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&set, number);
  return set;
}

double UnixNow() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// The real programs add the clock ticks of their start to a boot time that has no fraction: up to a
// second too early, here always by all of it.
const double kStartTime = UnixNow() - 1;

}  // namespace

std::string ReleaseVersion() {
  static const std::string kVersion = ReadVersion();
  return kVersion;
}

bool VersionAtLeast(int major, int minor) {
  int own_major = 0;
  int own_minor = 0;
  std::sscanf(ReleaseVersion().c_str(), "v%d.%d", &own_major, &own_minor);
  return own_major != major ? own_major > major : own_minor >= minor;
}

std::string VersionText() {
  return "Release Version: " + ReleaseVersion() +
         "\nGit Commit Hash: 0000000000000000000000000000000000000000"
         "\nGit Branch: heads/refs/tags/" +
         ReleaseVersion() +
         "\nUTC Build Time: 2024-02-27 11:10:57\nGo Version: go version go1.21.6 linux/amd64"
         "\nFailpoint Build: false\n";
}

bool ParseLogLevel(std::string_view text, LogLevel* level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error", "fatal"};
  for (int i = 0; i < 5; ++i) {
    if (text == kNames[i]) {
      *level = static_cast<LogLevel>(i);
      return true;
    }
  }
  return false;
}

bool OpenLog(LogLevel level, const std::string& file) {
  LogSink& sink = Sink();
  const std::lock_guard lock(sink.mutex);
  sink.level = level;
  if (file.empty()) return true;
  sink.file = std::fopen(file.c_str(), "ae");
  return sink.file != nullptr;
}

void Log(LogLevel level, std::string_view text) {
  constexpr const char* kNames[] = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
  LogSink& sink = Sink();
  const std::lock_guard lock(sink.mutex);
  if (level < sink.level) return;
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto fraction =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char stamp[32];
  std::strftime(stamp, sizeof(stamp), "%Y/%m/%d %H:%M:%S", &parts);
  std::FILE* out = sink.file != nullptr ? sink.file : stderr;
  std::fprintf(out, "[%s.%03d +00:00] [%s] [dmsim] [\"%.*s\"]\n", stamp, static_cast<int>(fraction),
               kNames[static_cast<int>(level)], static_cast<int>(text.size()), text.data());
  std::fflush(out);
}

void ExitWith(int code, const std::string& reason) {
  std::printf("%s\n", reason.c_str());
  if (Sink().file != nullptr) Error(reason);
  ExitNow(code);
}

void BlockStopSignals() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int WaitForStopSignal() {
  const sigset_t set = StopSignals();
  int number = 0;
  sigwait(&set, &number);
  return number;
}

void ExitNow(int code) {
  std::fflush(nullptr);
  _exit(code);
}

HttpResponse MetricsResponse(const std::string& extra) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  char text[1024];
  std::snprintf(
      text, sizeof(text),
      "# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.\n"
      "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.2f\n"
      "# HELP process_resident_memory_bytes Resident memory size in bytes.\n"
      "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %ld\n"
      "# HELP process_start_time_seconds Start time of the process since unix epoch in "
      "seconds.\n# TYPE process_start_time_seconds gauge\n"
      "process_start_time_seconds %.2f\n",
      cpu, usage.ru_maxrss * 1024, kStartTime);
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = text + extra;
  return response;
}

HttpResponse NotFoundResponse() {
  HttpResponse response;
  response.status = 404;
  response.body = "404 page not found\n";
  return response;
}

int SecondsOf(const char* variable, int fallback) {
  const char* text = std::getenv(variable);
  const int seconds = text == nullptr ? 0 : std::atoi(text);
  return seconds > 0 ? seconds : fallback;
}

}  // namespace dmsim
