// Where an instance serves its web pages.
#include <string>
#include <string_view>

#include "common/components/traits.h"
#include "server/topology/topology.h"
#include "server/topology/values.h"

namespace dmgr::topology {
namespace {

using components::ConfigKind;

// What an instance is told by "--name=value", or "".
std::string FlagOf(const google::protobuf::RepeatedPtrField<std::string>& args,
                   std::string_view name) {
  for (const std::string& arg : args) {
    const std::string_view text = arg;
    if (text.starts_with(name) && text.size() > name.size() && text[name.size()] == '=') {
      return arg.substr(name.size() + 1);
    }
  }
  return {};
}

// "/a/b" of "a/b/", "" of "/".
std::string Normal(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.empty() ? "" : "/" + std::string(path);
}

const google::protobuf::RepeatedPtrField<std::string>* ArgsOf(const Instance& instance) {
  switch (components::TraitsOf(instance.component).config) {
    case ConfigKind::kPrometheus:
      return &instance.monitoring.additional_args();
    case ConfigKind::kAlertmanager:
      return &instance.alertmanager.additional_args();
    case ConfigKind::kGrafana:
    case ConfigKind::kDmToml:
    case ConfigKind::kFlags:
      return nullptr;
  }
  return nullptr;
}

const google::protobuf::Value* KeyOf(const Instance& instance, const char* key) {
  const auto found = instance.config.fields().find(key);
  return found == instance.config.fields().end() ? nullptr : &found->second;
}

bool IsTrue(const google::protobuf::Value* value) {
  return value != nullptr && (value->bool_value() || value->string_value() == "true");
}

}  // namespace

std::string UrlPath(std::string_view url) {
  const std::size_t host = url.find("://");
  const std::size_t slash = url.find('/', host == std::string_view::npos ? 0 : host + 3);
  if (slash == std::string_view::npos) return {};
  return Normal(url.substr(slash, url.find_first_of("?#", slash) - slash));
}

std::string Instance::ExternalUrl() const {
  if (const auto* args = ArgsOf(*this); args != nullptr) return FlagOf(*args, kExternalUrlFlag);
  if (components::TraitsOf(component).config != ConfigKind::kGrafana) return {};
  const auto* url = KeyOf(*this, "server.root_url");
  return url == nullptr ? "" : url->string_value();
}

std::string Instance::WebPath() const {
  if (const auto* args = ArgsOf(*this); args != nullptr) {
    const std::string prefix = FlagOf(*args, "--web.route-prefix");
    return prefix.empty() ? UrlPath(ExternalUrl()) : Normal(prefix);
  }
  const bool below = IsTrue(KeyOf(*this, "server.serve_from_sub_path"));
  return below ? UrlPath(ExternalUrl()) : "";
}

}  // namespace dmgr::topology
