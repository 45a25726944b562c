// Unit files and the daemon-reload that a change of them needs.
#ifndef DMGR_SERVER_HOST_FAR_STATE_UNIT_FILES_H_
#define DMGR_SERVER_HOST_FAR_STATE_UNIT_FILES_H_

#include <string>

#include "server/host/far/base/context.h"
#include "server/host/far/system/systemd.h"

namespace dmgr::far {

std::string UnitPath(const std::string& unit);
std::string WantsPath(const std::string& unit);

// Makes the folders of units. Which ones a login did not have is recorded.
void MakeUnitDirs(Context& context);
// Removes those, but for what is not empty.
void RemoveUnitDirs(const Tree& tree);

// Has the unit started at boot, or not, as systemctl enable and disable do. False when it was so.
bool SetEnabled(Context& context, const std::string& unit, bool enabled);

// One daemon-reload after all changes, and only when there was one. A far end that is killed
// between the two leaves a marker, and the next one reloads.
class UnitReload {
 public:
  explicit UnitReload(Context* context);

  // Before anything may change.
  void Expect();
  // Something changed.
  void Need() { needed_ = true; }
  bool is_needed() const { return needed_; }
  // After the last change.
  void Run();

 private:
  Context& context_;
  const std::string marker_;
  bool expected_ = false;
  bool needed_ = false;
};

}  // namespace dmgr::far

#endif  // DMGR_SERVER_HOST_FAR_STATE_UNIT_FILES_H_
