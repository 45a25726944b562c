#include "templates/page_files.h"

#include <map>

namespace dmgr::templates {

std::string_view PageFile(const std::string& name) {
  static const std::map<std::string, std::string_view> files = {
#include "page_files.inc"
  };
  const auto found = files.find(name);
  return found == files.end() ? std::string_view() : found->second;
}

}  // namespace dmgr::templates
