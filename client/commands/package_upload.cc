// package upload.
#include "client/commands/upload.h"

namespace dmgr::client {
namespace {

absl::StatusOr<ExitCode> Upload(Environment& environment, const std::string& path) {
  ASSIGN_OR_RETURN(const UploadStart start, BeginUpload(environment, path));
  v1::UploadPackageRequest first;
  *first.mutable_header() = start.header;
  v1::UploadPackageResponse response;
  RETURN_IF_ERROR(SendFile(environment, path, start, first,
                           &v1::WarehouseService::Stub::UploadPackage, &response));
  if (environment.structured()) {
    environment.PrintStructured(response);
  } else {
    environment.terminal->out() << "package " << response.package().version()
                                << (response.already_present() ? " is there already\n"
                                                               : " is in the warehouse\n");
  }
  return kDone;
}

Run DeclareUpload(CLI::App* app) {
  auto path = std::make_shared<std::string>();
  app->add_option("FILE", *path, "dm-VERSION.tar.gz")->required()->check(CLI::ExistingFile);
  return [path](Environment& environment) { return Upload(environment, *path); };
}

}  // namespace

std::vector<Command> PackageUploadCommands() {
  return {{"package upload", "upload a package; goes on where an upload stopped",
           "dmgrctl package upload dm-v7.5.1.tar.gz", DeclareUpload}};
}

}  // namespace dmgr::client
