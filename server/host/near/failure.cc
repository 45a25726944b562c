#include "server/host/near/failure.h"

#include <cerrno>
#include <string>
#include <vector>

#include "common/error.h"
#include "server/ssh/remote_text.h"

namespace dmgr::host {
namespace {

using v1::Failure;

// Statuses travel in gRPC trailers, of which clients take 8 KiB.
constexpr std::size_t kMaxText = 1000;
constexpr std::size_t kMaxPath = 500;
constexpr std::size_t kMaxOutput = 2000;

struct Meaning {
  absl::StatusCode code;
  const char* reason;
  const char* remedy;
};

constexpr char kFreeSpace[] = "free space on the file system of the path, then resume";

// A program that looks at a file: what it refuses was made from the package and the topology.
constexpr char kMendFile[] =
    "the file comes from the package and the topology: roll the operation back, mend it there, "
    "then try again";
// Of what a program has printed.
constexpr std::size_t kShownLines = 5;
constexpr std::size_t kShownLine = 300;

// The last lines of an output, each on a line of its own; empty when the text has them already.
std::string LastWords(const std::string& text, const std::string& output) {
  std::vector<std::string> lines;
  for (std::size_t end = output.size(); end > 0 && lines.size() < kShownLines;) {
    const std::size_t newline = output.rfind('\n', end - 1);
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    std::string line = ssh::RemoteText(output.substr(begin, end - begin), kShownLine);
    if (!line.empty() && text.find(line) == std::string::npos) lines.push_back(std::move(line));
    end = newline == std::string::npos ? 0 : newline;
  }
  std::string words;
  const char* separator = lines.size() == 1 ? ": " : "\n  ";
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) words += separator + *line;
  return words;
}

// A system call that failed.
Meaning MeaningOf(int error_number) {
  using absl::StatusCode;
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return {StatusCode::kResourceExhausted, "HOST_SYSTEM_FULL", kFreeSpace};
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
      return {StatusCode::kResourceExhausted, "HOST_SYSTEM_FULL",
              "the host is short of memory, processes or files: free some, then resume"};
    case EACCES:
    case EPERM:
      return {
          StatusCode::kFailedPrecondition, "HOST_SYSTEM_REFUSED",
          "root may not do this there: see the mount, immutable attributes (lsattr) and SELinux "
          "(ausearch -m avc), then resume"};
    case EROFS:
      return {StatusCode::kFailedPrecondition, "HOST_SYSTEM_REFUSED",
              "the file system is mounted read-only: mount it for writing, then resume"};
    case EIO:
      return {StatusCode::kFailedPrecondition, "HOST_SYSTEM_REFUSED",
              "the disk fails: see dmesg on the host"};
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ENOTEMPTY:
    case EBUSY:
    case ETXTBSY:
    case ELOOP:
    case ENAMETOOLONG:
    case EXDEV:
      return {StatusCode::kFailedPrecondition, "HOST_SYSTEM_REFUSED",
              "see what is at the path on the host, then resume"};
    default:
      return {StatusCode::kInternal, "HOST_SYSTEM", "see dmesg and the journal of the host"};
  }
}

Meaning MeaningOf(const Failure& failure) {
  using absl::StatusCode;
  switch (failure.kind()) {
    case Failure::KIND_SYSTEM:
      return MeaningOf(failure.error_number());
    case Failure::KIND_NO_SPACE:
      return {StatusCode::kResourceExhausted, "HOST_NO_SPACE", kFreeSpace};
    case Failure::KIND_STALE_EPOCH:
      return {StatusCode::kAborted, "HOST_STALE_EPOCH",
              "another dmgrd has taken this operation over: watch it there; or the database was "
              "restored from a backup: start dmgrd once with --after-restore"};
    case Failure::KIND_PREDECESSOR_STUCK:
      return {StatusCode::kFailedPrecondition, "HOST_PREDECESSOR_STUCK",
              "a process of an earlier attempt waits for a dead disk or file server and cannot be "
              "ended: mend that or reboot the host, then resume"};
    case Failure::KIND_CORRUPT:
      return {StatusCode::kDataLoss, "HOST_CORRUPT",
              "resume sends it again; if it comes back, check the host's disk and memory"};
    case Failure::KIND_CONFLICT:
      return {StatusCode::kFailedPrecondition, "HOST_CONFLICT",
              "move away what is there, or choose another path or port, then resume"};
    case Failure::KIND_PROGRAM:
      return {
          StatusCode::kFailedPrecondition, "HOST_PROGRAM",
          failure.path().empty() ? "mend on the host what its words name, then resume" : kMendFile};
    case Failure::KIND_CRASH_LOOP:
      return {StatusCode::kFailedPrecondition, "HOST_CRASH_LOOP",
              "see its log and its unit's journal, mend the cause, then resume"};
    case Failure::KIND_DEADLINE:
      return {StatusCode::kDeadlineExceeded, "HOST_DEADLINE", "see why it is slow, then resume"};
    case Failure::KIND_CANCELLED:
      return {StatusCode::kCancelled, "HOST_CANCELLED", ""};
    case Failure::KIND_NOT_FOUND:
      return {StatusCode::kNotFound, "HOST_NOT_FOUND", "see what is on the host, then resume"};
    case Failure::KIND_BAD_REQUEST:
      return {StatusCode::kInternal, "HOST_BAD_REQUEST",
              "this is a fault of dmgr: please report it"};
    default:
      return {StatusCode::kInternal, "HOST_UNSPECIFIED",
              "this is a fault of dmgr: please report it"};
  }
}

}  // namespace

absl::Status FailureStatus(const std::string& host, const Failure& failure) {
  const Meaning meaning = MeaningOf(failure);
  const std::string text = ssh::RemoteText(failure.text(), kMaxText);
  const std::string path = ssh::RemoteText(failure.path(), kMaxPath);
  const bool names_path = path.empty() || text.find(path) != std::string::npos;
  // A check has told it as its text.
  const bool has_words = failure.kind() == Failure::KIND_PROGRAM && failure.path().empty();
  auto error =
      Error(meaning.code, meaning.reason, "{}: {}{}{}{}", host,
            text.empty() ? std::string("failed without saying why") : text, names_path ? "" : ": ",
            names_path ? "" : path, has_words ? LastWords(text, failure.output()) : "")
          .With("host", host);
  if (*meaning.remedy != '\0') error.Remedy(meaning.remedy);
  if (!path.empty()) error.With("path", path);
  if (failure.error_number() != 0) error.With("errno", std::to_string(failure.error_number()));
  if (!failure.program().empty()) {
    error.With("program", ssh::RemoteText(failure.program(), kMaxPath));
    error.With("exit_status", std::to_string(failure.exit_status()));
  }
  if (!failure.output().empty()) {
    error.With("output", ssh::RemoteText(failure.output(), kMaxOutput));
  }
  return error;
}

absl::Status FarEndLost(const std::string& host, const std::string& cause) {
  return Error(absl::StatusCode::kUnavailable, "FAR_END_LOST", "the far end on {} is lost: {}",
               host, cause)
      .With("host", host)
      .Remedy("see that the host is up; the operation goes on from here when it is resumed");
}

}  // namespace dmgr::host
