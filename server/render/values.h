// What the templates of an instance may ask for: the contract of templates/README.md.
#ifndef DMGR_SERVER_RENDER_VALUES_H_
#define DMGR_SERVER_RENDER_VALUES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/components/traits.h"
#include "server/render/render.h"
#include "server/render/template.h"

namespace dmgr::render {

// Of the instance's run script and configuration files.
Values ConfigValues(const RenderInput& input);
// Of its unit. INVALID_ARGUMENT names the resource limits that systemd would not understand.
absl::StatusOr<Values> UnitValues(const topology::Cluster& cluster,
                                  const topology::Instance& instance);

// Names of what a topology may leave out and this one gives: ignored, a wish would be lost.
std::vector<std::string> OptionsInForce(const Values& values);

// Absolute path of the run script on the host.
std::string RunScriptPath(const topology::Instance& instance);
// Configuration of dm-master or dm-worker, below a package as below the deploy directory.
std::string DmTomlPath(const components::Traits& traits);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_VALUES_H_
