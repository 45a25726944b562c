// dmgr-host, the far end: runs on a managed host for the time of an operation.
//   dmgr-host serve [--root DIR] [--home DIR]
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
  std::string root;
  std::string home;
  int at = 2;
  for (; at + 1 < argc; at += 2) {
    const std::string_view option = argv[at];
    if (option != "--root" && option != "--home") break;
    (option == "--root" ? root : home) = argv[at + 1];
  }
  if (verb == "serve" && at == argc) dmgr::far::Serve(root, home);
  std::fputs("usage: dmgr-host serve [--root DIR] [--home DIR] | --version\n", stderr);
  return 2;
}
