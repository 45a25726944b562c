#include "config.h"

#include <cstdio>
#include <sstream>

#define TOML_HEADER_ONLY 1
#define TOML_SHARED_LIB 0
#include <toml++/toml.h>

#include "net.h"
#include "process.h"
#include "tls.h"

namespace dmsim {
namespace {

std::string ToText(const toml::node& node) {
  if (const auto text = node.value<std::string>(); text && node.is_string()) return *text;
  std::ostringstream out;
  if (const toml::array* list = node.as_array()) {
    for (const toml::node& item : *list) out << (out.tellp() > 0 ? "," : "") << ToText(item);
  } else {
    node.visit([&out](const auto& value) { out << value; });
  }
  return out.str();
}

bool IsKnown(const ConfigSpec& spec, const std::string& key) {
  if (spec.flag_only.contains(key)) return false;
  return spec.strings.contains(key) || spec.ints.contains(key) || spec.bools.contains(key) ||
         spec.file_only.contains(key);
}

// Go's decoder refuses a value of another type than the field's.
bool HasRightType(const ConfigSpec& spec, const std::string& key, const toml::node& node) {
  if (spec.bools.contains(key)) return node.is_boolean();
  if (spec.ints.contains(key)) return node.is_integer();
  if (spec.strings.contains(key)) {
    return node.is_string() || (key == "cert-allowed-cn" && node.is_array());
  }
  return true;
}

void ReadFile(const ConfigSpec& spec, const std::string& file, Settings* settings) {
  toml::table table;
  try {
    table = toml::parse_file(file);
  } catch (const toml::parse_error&) {
    ExitWithConfigError("config toml transform");
  }
  std::string unknown;
  for (const auto& [toml_key, node] : table) {
    const std::string key(toml_key.str());
    if (!IsKnown(spec, key)) {
      unknown += (unknown.empty() ? "" : ",") + key;
    } else if (!HasRightType(spec, key, node)) {
      ExitWithConfigError("config toml transform");
    } else {
      (*settings)[key] = ToText(node);
    }
  }
  if (!unknown.empty()) ExitWithConfigError(spec.unknown_options_text + ": " + unknown);
}

bool NamesNoHost(const std::string& address) {
  HostPort parsed;
  return !ParseHostPort(address, &parsed) || parsed.host.empty() || parsed.host == "0.0.0.0" ||
         parsed.host == "::";
}

}  // namespace

void ExitWithConfigError(const std::string& reason) {
  ExitWith(2, "parse cmd flags err: " + reason);
}

Settings LoadSettings(const ConfigSpec& spec, const std::vector<std::string>& arguments) {
  FlagSet flags(spec.program);
  for (const std::string& name : spec.strings) flags.String(name, "see the documentation");
  for (const std::string& name : spec.ints) flags.Int(name, "see the documentation");
  for (const std::string& name : spec.bools) flags.Bool(name, "see the documentation");
  const FlagSet::Result result = flags.Parse(arguments);
  if (result == FlagSet::Result::kHelp) ExitNow(0);
  if (result == FlagSet::Result::kError) ExitWithConfigError("parse config flag set");
  if (flags.IsTrue("V")) {
    std::fputs(VersionText().c_str(), stdout);
    ExitNow(0);
  }
  if (flags.IsTrue("print-sample-config")) {
    std::printf("# %s Configuration.\n", spec.program.c_str());
    ExitNow(0);
  }
  if (!flags.rest().empty()) {
    ExitWithConfigError("'" + flags.rest().front() + "' is an invalid flag");
  }
  Settings settings;
  if (flags.IsSet("config")) ReadFile(spec, flags.Get("config"), &settings);
  for (const auto& [name, value] : flags.values())
    settings[name == "L" ? "log-level" : name] = value;
  return settings;
}

std::string AdvertiseAddress(const std::string& kind, const std::string& address,
                             const std::string& advertise) {
  if (advertise.empty()) {
    if (NamesNoHost(address)) {
      ExitWithConfigError(kind + " (" + address +
                          ") must include the 'host' part (should not be "
                          "'0.0.0.0') when advertise-addr is not set");
    }
    return address;
  }
  if (NamesNoHost(advertise)) {
    ExitWithConfigError("advertise-addr (" + advertise +
                        ") must include the 'host' part and should not be '0.0.0.0'");
  }
  return advertise;
}

void UseTlsFromSettings(const Settings& settings) {
  const TlsFiles files{.ca = Setting(settings, "ssl-ca"),
                       .certificate = Setting(settings, "ssl-cert"),
                       .key = Setting(settings, "ssl-key"),
                       .allowed_names = Split(Setting(settings, "cert-allowed-cn"), ',')};
  if (files.ca.empty() && files.certificate.empty() && files.key.empty()) return;
  if (const std::string error = UseTls(files); !error.empty()) ExitWithConfigError(error);
}

void OpenLogFromSettings(const Settings& settings) {
  LogLevel level = LogLevel::kInfo;
  const std::string name = Setting(settings, "log-level", "info");
  if (!ParseLogLevel(name, &level)) ExitWith(2, "init logger error unrecognized level: " + name);
  const std::string file = Setting(settings, "log-file");
  if (!OpenLog(level, file)) ExitWith(2, "init logger error cannot open " + file);
}

std::string Setting(const Settings& settings, const std::string& name,
                    const std::string& fallback) {
  const auto it = settings.find(name);
  return it == settings.end() || it->second.empty() ? fallback : it->second;
}

}  // namespace dmsim
