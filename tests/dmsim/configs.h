// The configurations of sources and tasks: from what was submitted, checked, with defaults.
#pragma once

#include <string>
#include <vector>

#include "state.h"

namespace dmsim {

// A configuration as its YAML has it, or the text of an error.
struct Parsed {
  Json config;
  std::string error;
};
Parsed ParseSource(const std::string& yaml);
Parsed ParseTask(const std::string& yaml);

// Between DM's YAML and the object of its OpenAPI.
Json OpenApiOfSource(const Json& config);
Json SourceOfOpenApi(const Json& source);
// The configuration of a source of the document, however it was made.
Json SourceConfigOf(const Json& document, const std::string& name);

// With every default filled in, and what GetCfg shows: without passwords.
Json FillSource(Json config);
Json FillTask(Json config);
Json MaskSource(Json config);
Json MaskTask(Json config);

std::vector<std::string> SourcesOfTask(const Json& config);
// "10001 ... connection refused" when a database is told to be down: port 1, or the knob `down`.
std::string Unreachable(const Json& document, const Json& database, const char* scope);

// A subtask as dm-master keeps it, and the task that subtasks are of.
Json SubtaskConfig(const Json& task_config, const std::string& source);
void AddSubtaskConfig(const Json& subtask_config, Json* task_config);

}  // namespace dmsim
