// What the masters agree on: one JSON document, and the commands that change it. Pure functions.
//
//   term, version  position of the document; a later one holds all earlier ones
//   cluster        id of the cluster
//   members        [{id, name, peer_urls, client_urls}]; a name is empty until the member started
//   leases         {id: seconds}
//   campaign       [{name, addr, lease}]; the first one is the DM leader
//   workers        {name: {addr, lease, last_source}}; no lease: offline
//   sources        {name: source}       bounds {source: worker}       topology {...}
//   source_configs {name: configuration as DM's YAML has it}; not of those made by the OpenAPI
//   source_marks   {name: [revision of creation, of the last change]}
//   tasks          {name: {config, subtasks {source: see subtask.h}}}
//   checkpoints    {task: {source: progress}}: what the target database knows of deleted tasks
//   relay          {source: {workers, bound}}; bound: of whichever worker is bound
//   locks          [{id, task, mode, owner, ddls, synced, unsynced, target}]
//   knobs          {name: value}
//   done           {what: how often}: commands on sources and tasks that changed anything
//   kept           {key: value or null}: what was put or deleted (null) by etcd's own calls and no
//                  new leader has read yet
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "dm_error.h"

namespace dmsim {

using Json = nlohmann::json;
using Position = std::pair<std::uint64_t, std::uint64_t>;

Json EmptyDocument();
// The same on every master that is given the same --initial-cluster.
Json InitialDocument(const std::vector<std::pair<std::string, std::string>>& name_and_peer_url);
Position PositionOf(const Json& document);

std::uint64_t RandomId();
std::uint64_t HashId(const std::string& text);

// nullptr when there is none.
const Json* FindMember(const Json& document, std::uint64_t id);
const Json* FindMemberByName(const Json& document, const std::string& name);
// {name, addr, lease}, empty strings without a leader.
Json LeaderOf(const Json& document);
std::string SourceOf(const Json& document, const std::string& worker);
// offline, free or bound.
std::string StageOf(const Json& document, const std::string& worker);
// True when a source should be bound or unbound.
bool NeedsBinding(const Json& document);

// Binds sources without a worker to free ones.
Json BindSources(Json* document);

// Carries out {"op": ..., "now": milliseconds since 1970}. The answer is {"ok": true, ...} or
// {"error": text, "code": DM's number}.
Json Apply(const Json& command, Json* document);

// Counts a command that has changed something of sources or tasks.
void CountDone(const Json& command, Json* document);

}  // namespace dmsim
