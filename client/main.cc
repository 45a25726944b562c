// dmgrctl: the command line of dmgrd.
#include <iostream>

#include "client/app.h"
#include "common/least_tls.h"

int main(int argc, char** argv) {
  dmgr::RequireTls13();
  try {
    dmgr::client::Application application;
    dmgr::client::ConsoleTerminal terminal;
    return application.Execute({argv + 1, argv + argc}, &terminal);
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return dmgr::client::kFailed;
  }
}
