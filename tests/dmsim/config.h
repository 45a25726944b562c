// What dm-master and dm-worker do alike with flags and a TOML file.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "flags.h"

namespace dmsim {

// Settings by their TOML name; lists are joined by commas.
using Settings = std::map<std::string, std::string>;

struct ConfigSpec {
  std::string program;               // dm-master
  std::set<std::string> strings;     // flags that take a text
  std::set<std::string> ints;        // flags that take a number
  std::set<std::string> bools;       // flags without a value
  std::set<std::string> file_only;   // TOML keys that are no flags
  std::set<std::string> flag_only;   // flags that are no TOML keys
  std::string unknown_options_text;  // "master config contained unknown configuration options"
};

// Flags over file. Exits with the real codes and texts for -V, --help and every error.
Settings LoadSettings(const ConfigSpec& spec, const std::vector<std::string>& arguments);

// Exits unless the two addresses tell others where to go; returns the address to advertise.
std::string AdvertiseAddress(const std::string& kind, const std::string& address,
                             const std::string& advertise);
// Speaks TLS from here on, if ssl-ca, ssl-cert and ssl-key say so.
void UseTlsFromSettings(const Settings& settings);
// Opens the log as -L and --log-file say.
void OpenLogFromSettings(const Settings& settings);
std::string Setting(const Settings& settings, const std::string& name,
                    const std::string& fallback = "");
[[noreturn]] void ExitWithConfigError(const std::string& reason);

}  // namespace dmsim
