// Commands on tasks, relay, locks and validation; pure functions on the document of state.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "state.h"

namespace dmsim {

std::vector<std::string> TasksOfSource(const Json& document, const std::string& source);
bool HasRunningTask(const Json& document, const std::string& source);
// Those that run and dump or load.
std::vector<std::string> TasksNotInSync(const Json& document, const std::string& source,
                                        std::int64_t now);
// The sources of a task, or those of `wanted` when it names any.
std::vector<std::string> SourcesOf(const Json& document, const std::string& task,
                                   const Json& wanted);

// See tasks.cc for what there is.
Json ApplyToTasks(const Json& command, Json* document);
// relay.cc
Json StartRelay(const Json& command, Json* document);
Json StopRelay(const Json& command, Json* document);
Json PurgeRelay(const Json& command, Json* document);
// shards.cc: locks of shard DDL, and validation.
Json AddLock(const Json& command, Json* document);
Json Unlock(const Json& command, Json* document);
Json StartValidation(const Json& command, Json* document);
Json StopValidation(const Json& command, Json* document);
Json CutOver(const Json& command, Json* document);
Json AddValidationError(const Json& command, Json* document);
Json OperateValidationError(const Json& command, Json* document);
// Marks a subtask as changed now.
void Touch(const Json& document, Json* subtask);

}  // namespace dmsim
