// package build, list, show, remove.
#include <nlohmann/json.hpp>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "common/package/build.h"
#include "dmgr/v1/warehouse_service.pb.h"

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

Run DeclareBuild(const Syntax& syntax) {
  auto options = std::make_shared<BuildOptions>();
  syntax
      .Add("--components", &options->components,
           "folder with the component tarballs as PingCAP publishes them")
      .Required()
      .Folder();
  syntax.Add("--version", &options->version, "version of DM, such as v7.5.1").Required();
  syntax.Add("--arch", &options->arch, "amd64, arm64 or both (amd64)")
      .OneOf({"amd64", "arm64", package::kBothArchs});
  syntax.Add("--output", &options->output, "folder for dm-VERSION.tar.gz (this one)").Folder();
  return [options](Environment& environment) { return Build(environment, *options); };
}

Run DeclareList(const Syntax&) {
  return [](Environment& environment) {
    return environment.ShowAll<v1::ListPackagesResponse>(v1::ListPackagesRequest());
  };
}

Run DeclareShow(const Syntax& syntax) {
  auto version = DeclareArgument(syntax, "VERSION", "version of DM");
  return [version](Environment& environment) {
    v1::GetPackageRequest request;
    request.set_version(*version);
    return environment.Show<v1::GetPackageResponse>(request);
  };
}

Run DeclareRemove(const Syntax& syntax) {
  auto version = DeclareArgument(syntax, "VERSION", "version of DM");
  auto options = std::make_shared<ChangeOptions>();
  DeclareAsked(syntax, options.get());
  return [version, options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const bool sure,
                     IsSure(environment, *options, "Remove package " + *version + "?"));
    if (!sure) return kRefused;
    v1::DeletePackageRequest request;
    request.set_version(*version);
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::DeletePackageResponse>(environment, *options, request));
    return Tell(environment, *options, response, "removed package " + *version);
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
