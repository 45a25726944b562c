#include "common/components/secrets.h"

#include <string>
#include <vector>

#include "client/topology/topology.h"

namespace dmgr::client {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

// Takes the secrets out of a tree of keys into *secrets, as "section.key".
void TakeSecrets(const std::string& prefix, Struct* config, Struct* secrets) {
  std::vector<std::string> taken;
  for (auto& [key, value] : *config->mutable_fields()) {
    const std::string path = prefix + key;
    if (value.has_struct_value()) {
      TakeSecrets(path + ".", value.mutable_struct_value(), secrets);
    } else if (components::IsGrafanaSecret(path)) {
      (*secrets->mutable_fields())[path] = value;
      taken.push_back(key);
    }
  }
  for (const std::string& key : taken) config->mutable_fields()->erase(key);
}

}  // namespace

void MoveSecrets(v1::Topology* topology) {
  Struct common;
  if (topology->has_server_configs() && topology->server_configs().has_grafana()) {
    TakeSecrets("", topology->mutable_server_configs()->mutable_grafana(), &common);
  }
  for (auto& server : *topology->mutable_grafana_servers()) {
    Struct own;
    if (server.has_config()) TakeSecrets("", server.mutable_config(), &own);
    for (const Struct* from : {&own, &common}) {
      for (const auto& [key, value] : from->fields()) {
        server.mutable_secret_config()->mutable_fields()->insert({key, value});
      }
    }
  }
}

v1::Topology WithoutSecrets(v1::Topology topology) {
  constexpr char kHidden[] = "(not shown)";
  for (auto& server : *topology.mutable_grafana_servers()) {
    if (!server.password().empty()) server.set_password(kHidden);
    if (!server.has_secret_config()) continue;
    for (auto& [key, value] : *server.mutable_secret_config()->mutable_fields()) {
      value.set_string_value(kHidden);
    }
  }
  return topology;
}

}  // namespace dmgr::client
