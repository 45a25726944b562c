// What dmgrd's page is made of: mustache templates, a style, a script.
#ifndef DMGR_TEMPLATES_PAGE_FILES_H_
#define DMGR_TEMPLATES_PAGE_FILES_H_

#include <string>
#include <string_view>

namespace dmgr::templates {

// Such as "clusters.mustache"; empty when there is none of that name.
std::string_view PageFile(const std::string& name);

}  // namespace dmgr::templates

#endif  // DMGR_TEMPLATES_PAGE_FILES_H_
