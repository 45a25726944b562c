#include "server/logging.h"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/time/time.h"

namespace dmgr {
namespace {

// A pattern cannot escape the message, so this is a formatter of its own.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message,  // NOLINT(readability-identifier-naming)
              spdlog::memory_buf_t& out) override {
    const std::string time = absl::FormatTime(absl::FromChrono(message.time), absl::UTCTimeZone());
    const nlohmann::ordered_json line = {
        {"time", time},
        {"level", std::string(spdlog::level::to_string_view(message.level).data())},
        {"thread", message.thread_id},
        {"message", std::string(message.payload.data(), message.payload.size())}};
    // Bytes that are not UTF-8 are replaced: a log line must never throw.
    const std::string text =
        line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<formatter> clone() const override {  // NOLINT(readability-identifier-naming)
    return std::make_unique<JsonFormatter>();
  }
};

}  // namespace

void SetUpLogging(const Config& config) {
  auto logger = config.log_file.empty() ? spdlog::stderr_logger_mt("dmgrd")
                                        : spdlog::basic_logger_mt("dmgrd", config.log_file);
  spdlog::set_default_logger(logger);
  spdlog::set_level(spdlog::level::from_str(config.log_level));
  spdlog::flush_on(spdlog::level::info);
  if (config.log_json) {
    spdlog::set_formatter(std::make_unique<JsonFormatter>());
  } else {
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %-7l %v");
  }
}

}  // namespace dmgr
