#include "calls.h"

#include <functional>
#include <map>
#include <stdexcept>

namespace dmsim {

Json Failure(const std::string& text) { return {{"result", false}, {"msg", text}}; }

Json WorkerAnswer(const Json& document, const std::string& source, const std::string& error) {
  return {{"result", error.empty()},
          {"msg", error},
          {"source", source},
          {"worker", document["bounds"].value(source, "")}};
}

std::string RefusalOf(const Json& answer) { return answer.value("error", ""); }

DocumentPtr Calls::Read() {
  DocumentPtr document = consensus_->Read(kRequestTimeout);
  if (!document) throw std::runtime_error("context deadline exceeded");
  return document;
}

Json Calls::Answer(const std::string& method, const Json& request) {
  using Method = Json (Calls::*)(const Json&);
  static const std::map<std::string, Method> methods = {
      {"OperateSource", &Calls::OperateSource},
      {"TransferSource", &Calls::TransferSource},
      {"OperateRelay", &Calls::OperateRelay},
      {"PurgeWorkerRelay", &Calls::PurgeRelay},
      {"GetCfg", &Calls::GetConfig},
      {"GetSubTaskCfg", &Calls::GetSubtaskConfigs},
      {"CheckTask", &Calls::CheckTask},
      {"StartTask", &Calls::StartTask},
      {"OperateTask", &Calls::OperateTask},
      {"QueryStatus", &Calls::QueryStatus},
      {"HandleError", &Calls::HandleError},
      {"OperateSchema", &Calls::OperateSchema},
      {"ShowDDLLocks", &Calls::ShowLocks},
      {"UnlockDDLLock", &Calls::UnlockLock},
      {"StartValidation", &Calls::StartValidation},
      {"StopValidation", &Calls::StopValidation},
      {"UpdateValidation", &Calls::UpdateValidation},
      {"GetValidationStatus", &Calls::ValidationStatusOf},
      {"GetValidationError", &Calls::ValidationErrorsOf},
      {"OperateValidationError", &Calls::OperateValidationErrors},
  };
  return (this->*methods.at(method))(request);
}

}  // namespace dmsim
