#include "server/logging.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/error.h"
#include "common/files.h"
#include "common/utf8.h"

namespace dmgr {
namespace {

// A message that is longer is not read by anybody; the rest is where it came from.
constexpr std::size_t kMaxMessage = 8U << 10;
constexpr unsigned kLogMode = 0640;

// A pattern cannot escape the message, so these are formatters of their own.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message,  // NOLINT(readability-identifier-naming)
              spdlog::memory_buf_t& out) override {
    const std::string time = absl::FormatTime(absl::FromChrono(message.time), absl::UTCTimeZone());
    const std::string_view payload(message.payload.data(), message.payload.size());
    const nlohmann::ordered_json line = {
        {"time", time},
        {"level", std::string(spdlog::level::to_string_view(message.level).data())},
        {"thread", message.thread_id},
        {"message", std::string(payload.substr(0, kMaxMessage))}};
    // Only ASCII, so without any control character. Bytes that are not UTF-8 are replaced: a log
    // line must never throw.
    const std::string text =
        line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<formatter> clone() const override {  // NOLINT(readability-identifier-naming)
    return std::make_unique<JsonFormatter>();
  }
};

class TextFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message,  // NOLINT(readability-identifier-naming)
              spdlog::memory_buf_t& out) override {
    const std::string line = OneLine({message.payload.data(), message.payload.size()}, kMaxMessage);
    spdlog::details::log_msg clean = message;
    clean.payload = line;
    pattern_.format(clean, out);
  }
  std::unique_ptr<formatter> clone() const override {  // NOLINT(readability-identifier-naming)
    return std::make_unique<TextFormatter>();
  }

 private:
  spdlog::pattern_formatter pattern_{"%Y-%m-%dT%H:%M:%S.%e%z %-7l %v"};
};

// spdlog's own makes its file readable for everybody, and cannot open it again.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  static absl::StatusOr<std::shared_ptr<FileSink>> Open(const std::string& path) {
    ASSIGN_OR_RETURN(FileWriter file, OpenFile(path));
    return std::shared_ptr<FileSink>(new FileSink(path, std::move(file)));
  }

  absl::Status Reopen() {
    ASSIGN_OR_RETURN(FileWriter file, OpenFile(path_));
    const std::lock_guard lock(mutex_);
    file_ = std::move(file);
    return absl::OkStatus();
  }

 private:
  static absl::StatusOr<FileWriter> OpenFile(const std::string& path) {
    ASSIGN_OR_RETURN(FileWriter file, FileWriter::Append(path, kLogMode));
    RETURN_IF_ERROR(file.SetMode(kLogMode));
    return file;
  }

  FileSink(std::string path, FileWriter file) : path_(std::move(path)), file_(std::move(file)) {}

  void sink_it_(const spdlog::details::log_msg& message) override {  // NOLINT
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    // A log that cannot be written, for want of room, ends nothing; spdlog says it on stderr.
    const absl::Status written = file_.Write({line.data(), line.size()});
    if (!written.ok()) throw spdlog::spdlog_ex(std::string(Message(written)));
  }
  void flush_() override {}  // NOLINT(readability-identifier-naming)

  const std::string path_;
  FileWriter file_;
};

std::unique_ptr<spdlog::formatter> NewFormatter(bool json) {
  if (json) return std::make_unique<JsonFormatter>();
  return std::make_unique<TextFormatter>();
}

}  // namespace

absl::Status SetUpLogging(const Config& config) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (config.log_file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    ASSIGN_OR_RETURN(sink, FileSink::Open(config.log_file));
  }
  auto logger = std::make_shared<spdlog::logger>("dmgrd", std::move(sink));
  logger->set_formatter(NewFormatter(config.log_json));
  logger->set_level(spdlog::level::from_str(config.log_level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

void ChangeLog(const Config& config) {
  const auto logger = spdlog::default_logger();
  logger->set_level(spdlog::level::from_str(config.log_level));
  for (const auto& sink : logger->sinks()) sink->set_formatter(NewFormatter(config.log_json));
}

void ReopenLog() {
  for (const auto& sink : spdlog::default_logger()->sinks()) {
    auto* file = dynamic_cast<FileSink*>(sink.get());
    if (file == nullptr) continue;
    const absl::Status status = file->Reopen();
    if (!status.ok()) spdlog::error("the log stays in the old file: {}", Message(status));
  }
}

}  // namespace dmgr
