// dmgr-host, the far end: runs on a managed host for the time of an operation.
//   dmgr-host serve [--root DIR]
//   dmgr-host --version
#include <cstdio>
#include <string>
#include <string_view>

#include "server/host/far/server.h"

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "--version" && argc == 2) {
    std::puts("dmgr-host " DMGR_VERSION);
    return 0;
  }
  if (verb == "serve" && argc == 2) dmgr::far::Serve("");
  if (verb == "serve" && argc == 4 && std::string_view(argv[2]) == "--root") {
    dmgr::far::Serve(argv[3]);
  }
  std::fputs("usage: dmgr-host serve [--root DIR] | --version\n", stderr);
  return 2;
}
