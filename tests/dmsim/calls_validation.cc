// The validation of what was replicated.
#include "calls.h"
#include "subtask.h"
#include "tasks.h"

namespace dmsim {
namespace {

constexpr int kAnyState = 0;
constexpr int kIgnoreErrors = 1;
constexpr int kResolveErrors = 2;

// An answer for each source that the call was about.
Json ForSources(const Json& document, const Json& request, const std::string& refusal) {
  if (!refusal.empty()) return Failure(refusal);
  Json sources = Json::array();
  for (const std::string& source : SourcesOf(document, request["task_name"], request["sources"])) {
    sources.push_back(WorkerAnswer(document, source));
  }
  return {{"result", true}, {"sources", sources}};
}

std::string NoSubtaskText(const Json& request) {
  return "cannot get subtask by task name `" + request["task_name"].get<std::string>() + "`";
}

}  // namespace

Json Calls::StartValidation(const Json& request) {
  const std::string mode = request.value("mode_value", "full");
  if (mode != "full" && mode != "fast") return Failure(DmError(20055, "invalid validation mode"));
  const Json done = Do({{"op", "start_validation"},
                        {"task", request["task_name"]},
                        {"sources", request["sources"]},
                        {"mode", mode}});
  return ForSources(*Read(), request, RefusalOf(done));
}

Json Calls::StopValidation(const Json& request) {
  const Json done = Do(
      {{"op", "stop_validation"}, {"task", request["task_name"]}, {"sources", request["sources"]}});
  return ForSources(*Read(), request, RefusalOf(done));
}

Json Calls::UpdateValidation(const Json& request) {
  const Json done = Do({{"op", "cut_over"},
                        {"task", request["task_name"]},
                        {"sources", request["sources"]},
                        {"at", {request["binlog_pos"], request["binlog_gtid"]}}});
  return ForSources(*Read(), request, RefusalOf(done));
}

Json Calls::ValidationStatusOf(const Json& request) {
  const DocumentPtr document = Read();
  const std::string name = request["task_name"];
  const int filter = request["filter_status"];
  if (!(*document)["tasks"].contains(name)) return Failure(NoSubtaskText(request));
  Json validators = Json::array();
  Json tables = Json::array();
  for (const std::string& source : SourcesOf(*document, name, Json::array())) {
    const Json& validation = (*document)["tasks"][name]["subtasks"][source]["validation"];
    if (validation.is_null()) continue;
    if (filter != 0 && validation["stage"] != filter) continue;
    validators.push_back(ValidationStatus(*document, name, source, NowMs()));
    tables.push_back({{"source", source},
                      {"src_table", "`db`.`t`"},
                      {"dst_table", "`db`.`t`"},
                      {"stage", validation["stage"]},
                      {"message", ""}});
  }
  return {{"result", true}, {"validators", validators}, {"table_statuses", tables}};
}

Json Calls::ValidationErrorsOf(const Json& request) {
  const DocumentPtr document = Read();
  const std::string name = request["task_name"];
  if (!(*document)["tasks"].contains(name)) return Failure(NoSubtaskText(request));
  Json errors = Json::array();
  for (const std::string& source : SourcesOf(*document, name, Json::array())) {
    const Json& validation = (*document)["tasks"][name]["subtasks"][source]["validation"];
    if (validation.is_null()) continue;
    for (const Json& error : validation["errors"]) {
      const bool meant =
          request["err_state"] == kAnyState || request["err_state"] == error["status"];
      if (meant) errors.push_back(error);
    }
  }
  return {{"result", true}, {"error", errors}};
}

Json Calls::OperateValidationErrors(const Json& request) {
  const int op = request["op"];
  const char* action = op == kIgnoreErrors ? "ignore" : op == kResolveErrors ? "resolve" : "clear";
  const std::string refusal = RefusalOf(Do({{"op", "operate_validation_error"},
                                            {"task", request["task_name"]},
                                            {"all", request["is_all_error"]},
                                            {"id", request["err_id"]},
                                            {"action", action}}));
  return {{"result", refusal.empty()}, {"msg", refusal}};
}

}  // namespace dmsim
