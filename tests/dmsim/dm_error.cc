#include "dm_error.h"

namespace dmsim {
namespace {

using Json = nlohmann::json;

struct Group {
  int first;
  int last;
  const char* error_class;
  const char* scope;
  const char* level;
};

// The first that fits holds.
constexpr Group kGroups[] = {
    {10001, 10006, "database", "downstream", "high"},
    {11001, 11999, "functional", "internal", "high"},
    {20034, 20041, "config", "internal", "high"},
    {20050, 20051, "config", "internal", "low"},
    {20001, 20999, "config", "internal", "medium"},
    {26002, 26002, "task-check", "internal", "high"},
    {26001, 26999, "task-check", "internal", "medium"},
    {36001, 36999, "sync-unit", "internal", "high"},
    {38048, 38049, "dm-master", "internal", "low"},
    {38001, 38999, "dm-master", "internal", "high"},
    {40001, 40999, "dm-worker", "internal", "high"},
    {43006, 43006, "validator", "not-set", "medium"},
    {44006, 44006, "schema-tracker", "internal", "high"},
    {44001, 44999, "schema-tracker", "internal", "high"},
    {46009, 46010, "dm-master", "internal", "medium"},
    {46015, 46017, "dm-master", "internal", "medium"},
    {46019, 46023, "scheduler", "internal", "high"},
    {46024, 46025, "scheduler", "internal", "low"},
    {46028, 46033, "scheduler", "internal", "low"},
    {46035, 46035, "scheduler", "internal", "low"},
};

Group GroupOf(int code) {
  for (const Group& group : kGroups) {
    if (code >= group.first && code <= group.last) return group;
  }
  return {code, code, "scheduler", "internal", "medium"};
}

}  // namespace

std::string DmError(int code, const std::string& message, const std::string& cause,
                    const std::string& workaround) {
  if (code == 0) return message;
  const Json parts = DmErrorParts(code, message, cause, workaround);
  std::string text = "[code=" + std::to_string(code);
  for (const char* name : {"class", "scope", "level"}) {
    text.append(":").append(name).append("=").append(parts[name].get<std::string>());
  }
  text += "], Message: " + message;
  if (!cause.empty()) text += ", RawCause: " + cause;
  if (!workaround.empty()) text += ", Workaround: " + workaround;
  return text;
}

Json DmErrorParts(int code, const std::string& message, const std::string& cause,
                  const std::string& workaround) {
  const Group group = GroupOf(code);
  return {{"code", code},
          {"class", group.error_class},
          {"scope", group.scope},
          {"level", group.level},
          {"message", message},
          {"cause", cause},
          {"workaround", workaround}};
}

Json Refuse(int code, const std::string& message, const std::string& workaround) {
  return {{"error", DmError(code, message, "", workaround)}, {"code", code}};
}

std::string GoList(const std::vector<std::string>& items) {
  std::string text = "[";
  for (const std::string& item : items) text += (text.size() > 1 ? " " : "") + item;
  return text + "]";
}

}  // namespace dmsim
