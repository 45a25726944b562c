// grafana-cli: knows its version and an empty list of plugins.
#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
  const std::string_view last = argc > 1 ? argv[argc - 1] : "";
  if (last == "-v" || last == "--version") {
    std::puts("Grafana CLI version 7.5.17");
    return 0;
  }
  if (last == "ls") {
    std::puts("installed plugins:");
    return 0;
  }
  std::puts("usage: grafana-cli [--version] plugins ls");
  return argc > 1 ? 1 : 0;
}
