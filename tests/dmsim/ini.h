// grafana.ini as Grafana reads it, and the two provisioning files.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace dmsim {

// "section.key" -> value, quotes and backticks taken off; keys before a section: ".key".
using Ini = std::map<std::string, std::string>;

// Adds the file's values to *ini. False when it cannot be read.
bool ReadIni(const std::string& file, Ini* ini);
std::string IniValue(const Ini& ini, const std::string& key, const std::string& fallback);

// The scalar values of every "key: value" line of the *.yml files of a folder, one map per list
// item ("- name: ..."). Enough for provisioning files; no YAML parser.
using YamlItem = std::map<std::string, std::string>;
std::vector<YamlItem> ReadProvisioning(const std::string& folder);

}  // namespace dmsim
