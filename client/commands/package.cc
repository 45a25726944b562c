// package build, list, show, remove.
#include "common/package/build.h"

#include "client/commands/command.h"
#include "common/error.h"

namespace dmgr::client {
namespace {

struct BuildOptions {
  std::string components;
  std::string version;
  std::string arch = "amd64";
  std::string output = ".";
};

absl::StatusOr<ExitCode> Build(Environment& environment, const BuildOptions& options) {
  ASSIGN_OR_RETURN(const std::string path,
                   package::BuildPackage(options.components, options.version, options.arch,
                                         options.output, [&](const std::string& line) {
                                           environment.terminal->err() << line << "\n";
                                         }));
  if (environment.structured()) {
    environment.PrintStructured(Json{{"path", path}});
  } else {
    environment.terminal->out() << path << "\n";
  }
  return kDone;
}

Run DeclareBuild(CLI::App* app) {
  auto options = std::make_shared<BuildOptions>();
  app->add_option("--components", options->components,
                  "folder with the component tarballs as PingCAP publishes them")
      ->required()
      ->check(CLI::ExistingDirectory);
  app->add_option("--version", options->version, "version of DM, such as v7.5.1")->required();
  app->add_option("--arch", options->arch, "amd64 or arm64 (amd64)")
      ->check(CLI::IsMember({"amd64", "arm64"}));
  app->add_option("--output", options->output, "folder for dm-VERSION.tar.gz (this one)")
      ->check(CLI::ExistingDirectory);
  return [options](Environment& environment) { return Build(environment, *options); };
}

Run DeclareList(CLI::App*) {
  return [](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::ListPackagesResponse all;
    v1::ListPackagesRequest request;
    do {
      v1::ListPackagesResponse page;
      RETURN_IF_ERROR(connection.Call(connection.packages(),
                                      &v1::WarehouseService::Stub::ListPackages, request, &page));
      all.mutable_packages()->MergeFrom(page.packages());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    environment.Print(all);
    return kDone;
  };
}

Run DeclareShow(CLI::App* app) {
  auto version = std::make_shared<std::string>();
  app->add_option("VERSION", *version, "version of DM")->required();
  return [version](Environment& environment) -> absl::StatusOr<ExitCode> {
    Connection& connection = environment.connection();
    v1::GetPackageRequest request;
    request.set_version(*version);
    v1::GetPackageResponse response;
    RETURN_IF_ERROR(connection.Call(connection.packages(), &v1::WarehouseService::Stub::GetPackage,
                                    request, &response));
    environment.Print(response);
    return kDone;
  };
}

Run DeclareRemove(CLI::App* app) {
  auto version = std::make_shared<std::string>();
  auto yes = std::make_shared<bool>(false);
  app->add_option("VERSION", *version, "version of DM")->required();
  app->add_flag("-y,--yes", *yes, "do not ask");
  return [version, yes](Environment& environment) -> absl::StatusOr<ExitCode> {
    if (!*yes) {
      ASSIGN_OR_RETURN(const bool sure,
                       environment.terminal->Confirm("Remove package " + *version + "?"));
      if (!sure) return kRefused;
    }
    Connection& connection = environment.connection();
    v1::DeletePackageRequest request;
    request.set_version(*version);
    v1::DeletePackageResponse response;
    RETURN_IF_ERROR(connection.Call(
        connection.packages(), &v1::WarehouseService::Stub::DeletePackage, request, &response));
    if (environment.structured()) environment.PrintStructured(response);
    return kDone;
  };
}

}  // namespace

std::vector<Command> PackageCommands() {
  return {{"package build", "make a package from component tarballs",
           "dmgrctl package build --components ./tarballs --version v7.5.1", DeclareBuild},
          {"package list", "list the packages", "dmgrctl package list", DeclareList},
          {"package show", "show what is in a package", "dmgrctl package show v7.5.1", DeclareShow},
          {"package remove", "remove a package", "dmgrctl package remove v7.5.1", DeclareRemove}};
}

}  // namespace dmgr::client
