#include "server/diagnosis/exit_status.h"

#include <algorithm>
#include <iterator>

namespace dmgr::diagnosis {
namespace {

struct Meaning {
  int status;
  std::string_view words;
};

// Of sh(1), and of systemd.exec(5), "Process exit codes".
constexpr Meaning kMeanings[] = {
    {126,
     "the shell may not execute the program: see its mode, and whether its file system is "
     "mounted noexec"},
    {127, "the shell does not find the program"},
    {200, "systemd cannot enter the working directory"},
    {202, "systemd has no file descriptors left"},
    {203, "systemd cannot execute /bin/bash"},
    {204, "systemd has no memory for the process"},
    {205, "systemd cannot set the limits of the process"},
    {206, "systemd cannot set the OOM score of the process"},
    {208, "systemd cannot set up the standard input"},
    {209, "systemd cannot set up the standard output"},
    {214, "systemd cannot set the scheduling of the process"},
    {215, "systemd cannot set the processors of the process"},
    {216, "systemd does not know the group"},
    {217, "systemd does not know the user"},
    {218, "systemd cannot set the capabilities of the process"},
    {219, "systemd cannot set up the control group"},
    {222, "systemd cannot set up the standard error"},
    {224, "PAM refuses a session for the user"},
    {226, "systemd cannot set up the file systems of the process"},
    {228, "systemd cannot set the system call filter"},
    {229, "systemd cannot set the SELinux context"},
    {235, "systemd cannot change an owner"},
};

}  // namespace

std::string_view MeaningOfExit(int status) {
  const auto* found = std::find_if(std::begin(kMeanings), std::end(kMeanings),
                                   [&](const Meaning& one) { return one.status == status; });
  return found == std::end(kMeanings) ? std::string_view() : found->words;
}

}  // namespace dmgr::diagnosis
