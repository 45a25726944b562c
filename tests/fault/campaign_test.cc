// dmgrd is killed, or a step fails, at chosen moments of every operation.
#include "tests/fault/campaign.h"

namespace dmgr::testing {
namespace {

Campaign& TheCampaign() {
  static Campaign campaign(&Site::Get(), CampaignOptions::FromEnvironment());
  return campaign;
}

TEST_CASE("whenever dmgrd is killed, operations end as if nothing had happened", "[kill]") {
  Campaign& campaign = TheCampaign();
  const auto cases = campaign.KillCases();
  REQUIRE_FALSE(cases.empty());
  CHECK(campaign.Run(cases) == "");
}

TEST_CASE("whatever step fails, a rollback leads back to where it began", "[rollback]") {
  Campaign& campaign = TheCampaign();
  CHECK(campaign.Run(campaign.RollbackCases()) == "");
}

}  // namespace
}  // namespace dmgr::testing
