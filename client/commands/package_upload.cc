// package upload.
#include "client/commands/command.h"
#include "client/commands/upload.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::client {
namespace {

absl::StatusOr<ExitCode> Upload(Environment& environment, const std::string& path) {
  ASSIGN_OR_RETURN(const auto response, UploadPackage(environment, path));
  if (environment.structured()) {
    environment.PrintStructured(response);
  } else {
    environment.terminal->out() << "package " << response.package().version()
                                << (response.already_present() ? " is there already\n"
                                                               : " is in the warehouse\n");
  }
  return kDone;
}

Run DeclareUpload(const Syntax& syntax) {
  auto path = std::make_shared<std::string>();
  syntax.Add("FILE", path.get(), "dm-VERSION.tar.gz").Required().File();
  return [path](Environment& environment) { return Upload(environment, *path); };
}

}  // namespace

std::vector<Command> PackageUploadCommands() {
  return {{"package upload", "upload a package; goes on where an upload stopped",
           "dmgrctl package upload dm-v7.5.1.tar.gz", DeclareUpload}};
}

}  // namespace dmgr::client
