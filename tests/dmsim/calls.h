// What service Master of dm-master's gRPC answers, by JSON with the names of proto/dm/master.proto.
// Only the leader's answers count; master_rpc.cc forwards.
#pragma once

#include <string>

#include "consensus.h"

namespace dmsim {

class Calls {
 public:
  explicit Calls(Consensus* consensus) : consensus_(consensus) {}

  // `method`: "QueryStatus".
  Json Answer(const std::string& method, const Json& request);

 private:
  // calls_sources.cc
  Json OperateSource(const Json& request);
  Json PutSources(const Json& request, bool update);
  Json StopSources(const Json& request);
  Json TransferSource(const Json& request);
  Json OperateRelay(const Json& request);
  Json PurgeRelay(const Json& request);
  Json GetConfig(const Json& request);
  Json GetSubtaskConfigs(const Json& request);

  // calls_tasks.cc
  Json CheckTask(const Json& request);
  Json StartTask(const Json& request);
  Json OperateTask(const Json& request);
  Json QueryStatus(const Json& request);

  // calls_errors.cc
  Json HandleError(const Json& request);
  Json OperateSchema(const Json& request);
  Json ShowLocks(const Json& request);
  Json UnlockLock(const Json& request);

  // calls_validation.cc
  Json StartValidation(const Json& request);
  Json StopValidation(const Json& request);
  Json UpdateValidation(const Json& request);
  Json ValidationStatusOf(const Json& request);
  Json ValidationErrorsOf(const Json& request);
  Json OperateValidationErrors(const Json& request);

  Json Do(Json command) { return consensus_->Execute(command, kRequestTimeout); }
  // Throws when a majority does not confirm it.
  DocumentPtr Read();

  Consensus* const consensus_;
};

// {"result": false, "msg": text}
Json Failure(const std::string& text);
// A pb.CommonWorkerResponse.
Json WorkerAnswer(const Json& document, const std::string& source, const std::string& error = "");
// What a command's refusal says; empty: it was done.
std::string RefusalOf(const Json& answer);

}  // namespace dmsim
