// The far end over SSH: its start, and its upload to a host that does not have it yet.
#include <sys/utsname.h>

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "common/ids.h"
#include "common/steady_time.h"
#include "server/host/near/ask_shell.h"
#include "server/host/near/failure.h"
#include "server/host/near/far_end_impl.h"
#include "server/host/near/login_words.h"
#include "server/host/near/root_command.h"
#include "server/host/near/ssh_link.h"
#include "server/host/near/start_scripts.h"
#include "server/ssh/remote_text.h"

namespace dmgr::host {
namespace {

constexpr absl::Duration kFarEndTimeout = absl::Seconds(2);

// The path goes into a command line.
bool IsPlainPath(const std::string& path) {
  const auto is_plain = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '/' || c == '-';
  };
  return path.size() > 1 && path[0] == '/' && path.back() != '/' && !Contains(path, "//") &&
         !Contains(path + "/", "/../") && !Contains(path + "/", "/./") &&
         std::all_of(path.begin(), path.end(), is_plain);
}

class Starter {
 public:
  Starter(ssh::Session* session, const std::string& host, const FarEndProgram& program,
          const std::string& dir, const RootAccess& root, absl::Time deadline)
      : session_(session),
        host_(host),
        program_(program),
        dir_(dir),
        without_root_(root.without_root),
        root_commands_(session, host, root),
        deadline_(deadline) {}

  // A far end that has said hello.
  absl::StatusOr<Started> Run();

 private:
  absl::StatusOr<Started> Serve(const FarEndProgram::Image& image);
  // A script of start_scripts.h, as root; UNSAFE_FAR_END_DIR.
  absl::StatusOr<Started> RunScript(const std::string& script, const std::string& marker);
  absl::Status Upload(const FarEndProgram::Image& image);
  // Ready to take the image, packed or as it is; no channel: it cannot, for which there are words.
  absl::StatusOr<Started> StartUpload(const FarEndProgram::Image& image, bool packed);
  absl::Status WriteImage(ssh::Channel& channel, const std::string& content);
  absl::Status DirUnusable(const std::string& words) const;
  absl::Status ArchNotSupported(const std::string& arch) const;
  std::string FolderOf(const FarEndProgram::Image& image) const {
    return fmt::format("{}/{}", dir_, image.hash);
  }

  ssh::Session* const session_;
  const std::string& host_;
  const FarEndProgram& program_;
  const std::string& dir_;
  const bool without_root_;
  RootCommands root_commands_;
  const absl::Time deadline_;
};

absl::StatusOr<Started> Starter::Serve(const FarEndProgram::Image& image) {
  return RunScript(ServeProgram(FolderOf(image), image.hash, image.sha256, without_root_), kHello);
}

absl::StatusOr<Started> Starter::RunScript(const std::string& script, const std::string& marker) {
  ASSIGN_OR_RETURN(Started started,
                   root_commands_.Start(fmt::format("sh -c '{}'", script), marker, deadline_));
  if (started.channel != nullptr || started.exit_status != kUnsafeFolder) return started;
  const auto at = started.words.find(kUnsafeWords);
  const std::string which =
      at == started.words.npos ? dir_ : started.words.substr(at + kUnsafeWords.size());
  const char* who = without_root_ ? "root and the login" : "root";
  return Error(absl::StatusCode::kFailedPrecondition, "UNSAFE_FAR_END_DIR",
               "{}: the far end runs as {} and is kept in {}, but others than {} may change {}",
               host_, without_root_ ? "the login" : "root", dir_, who, which)
      .With("host", host_)
      .With("path", dir_)
      .Remedy(
          without_root_
              ? "take from others the right to write there: chmod go-w; or choose a folder that "
                "is, with all folders above it, the login's or root's, and no link"
              : "choose a folder that is, with all folders above it, root's, writable to nobody "
                "else, and no link, such as /var/lib/dmgr; or give that one to root: chown "
                "root, chmod go-w")
      .Next(dmgr::v1::ACTION_UPDATE_MACHINE, {{"machine_id", host_}, {"far_end_dir", ""}});
}

absl::StatusOr<Started> Starter::Run() {
  if (!IsPlainPath(dir_)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_FAR_END_DIR",
                 "{}: the folder of the far end must be an absolute path of letters, digits and "
                 ". _ - /",
                 host_)
        .With("host", host_)
        .Remedy("choose another folder")
        .Next(dmgr::v1::ACTION_UPDATE_MACHINE, {{"machine_id", host_}, {"far_end_dir", ""}});
  }
  // Most hosts have this machine's architecture and were here before.
  utsname own = {};
  uname(&own);
  std::string tried;
  if (const auto image = program_.by_arch.find(own.machine); image != program_.by_arch.end()) {
    tried = image->first;
    ASSIGN_OR_RETURN(Started started, Serve(image->second));
    if (started.channel != nullptr) return started;
  }
  ASSIGN_OR_RETURN(const std::string arch, AskShell(session_, host_, "uname -m", deadline_));
  const auto image = program_.by_arch.find(arch);
  if (image == program_.by_arch.end()) return ArchNotSupported(arch);
  if (arch != tried) {
    ASSIGN_OR_RETURN(Started started, Serve(image->second));
    if (started.channel != nullptr) return started;
  }
  // It is not there, or does not prove to be what it should be.
  RETURN_IF_ERROR(Upload(image->second));
  ASSIGN_OR_RETURN(Started started, Serve(image->second));
  if (started.channel != nullptr) return started;
  if (Contains(started.words, "Exec format error")) return ArchNotSupported(arch);
  if (Contains(started.words, "Permission denied") || started.exit_status == kOtherProgram) {
    return DirUnusable(started.words);
  }
  return FarEndLost(
      host_, fmt::format("it ended at its start with exit status {}{}{}", started.exit_status,
                         started.words.empty() ? "" : ": ", started.words));
}

absl::Status Starter::Upload(const FarEndProgram::Image& image) {
  if (!image.packed.empty()) {
    ASSIGN_OR_RETURN(Started started, StartUpload(image, true));
    if (started.channel != nullptr) return WriteImage(*started.channel, image.packed);
    // A host without gzip.
  }
  ASSIGN_OR_RETURN(Started started, StartUpload(image, false));
  if (started.channel == nullptr) return DirUnusable(started.words);
  return WriteImage(*started.channel, image.content);
}

absl::StatusOr<Started> Starter::StartUpload(const FarEndProgram::Image& image, bool packed) {
  const std::string token = HexEncode(RandomBytes(8));
  const std::string folder = FolderOf(image);
  const std::string part = fmt::format("{}/part-{}", folder, token);
  // A broken connection looks like an end of file to the host, hence the count; the rename puts
  // only what is whole and synced where it will be executed.
  const std::string script = fmt::format(
      "{7}{5}umask 022 && mkdir -p {0} && echo ready-{1} && {6}dd of={2} bs=64k conv=fsync && "
      "test $(wc -c < {2}) -eq {3} && chmod 0755 {2} && mv -f {2} {4} || {{ rm -f {2}; exit 1; }}",
      folder, token, part, image.content.size(), folder + "/dmgr-host",
      packed ? "command -v gzip >/dev/null && " : "", packed ? "gzip -dc | " : "",
      CheckFolders(folder));
  return RunScript(script, fmt::format("ready-{}\n", token));
}

absl::Status Starter::WriteImage(ssh::Channel& channel, const std::string& content) {
  absl::Status written = channel.Write(content, deadline_);
  if (written.ok()) written = channel.CloseStdin();
  // It ended before it had all: its own words say why.
  if (!written.ok() && Reason(written) != "REMOTE_COMMAND_ENDED") return written;
  ASSIGN_OR_RETURN(const int exit_status, channel.ExitStatus(deadline_));
  if (exit_status == 0) return absl::OkStatus();
  return DirUnusable(ssh::RemoteText(channel.stderr_text(), kMaxWords));
}

absl::Status Starter::DirUnusable(const std::string& words) const {
  if (Contains(words, "No space left")) {
    return Error(absl::StatusCode::kResourceExhausted, "HOST_NO_SPACE",
                 "{}: no space for the far end in {}", host_, dir_)
        .With("host", host_)
        .With("path", dir_)
        .Remedy("free some MB there, or choose another folder")
        .Next(dmgr::v1::ACTION_UPDATE_MACHINE, {{"machine_id", host_}, {"far_end_dir", ""}});
  }
  return Error(absl::StatusCode::kFailedPrecondition, "FAR_END_DIR_UNUSABLE",
               "{}: the far end cannot be kept and executed in {}: {}", host_, dir_, words)
      .With("host", host_)
      .With("path", dir_)
      .Remedy("choose a folder on a file system that is writable and not mounted noexec")
      .Next(dmgr::v1::ACTION_UPDATE_MACHINE, {{"machine_id", host_}, {"far_end_dir", ""}});
}

absl::Status Starter::ArchNotSupported(const std::string& arch) const {
  std::string known;
  for (const auto& [name, image] : program_.by_arch) known += (known.empty() ? "" : ", ") + name;
  return Error(absl::StatusCode::kFailedPrecondition, "ARCH_NOT_SUPPORTED",
               "{}: this dmgrd has no far end for its architecture {} (it has: {})", host_,
               arch.empty() ? "unknown" : arch, known)
      .With("host", host_)
      .With("arch", arch)
      .Remedy(arch == "aarch64"
                  ? "install the dmgrd of a package that was made with "
                    "deploy/package.sh --arm64, or put its dmgr-host-aarch64 into "
                    "far_end_dir; then start dmgrd again"
                  : "install the dmgr-host of that architecture next to dmgrd, or use "
                    "another host");
}

}  // namespace

SshLink::~SshLink() {
  channel_.reset();
  if (keep_ && usable_) keep_(std::move(session_));
}

absl::StatusOr<std::size_t> SshLink::Write(std::string_view data, absl::Time deadline) {
  return Seen(channel_->WriteSome(data, deadline));
}

absl::StatusOr<std::size_t> SshLink::Read(char* buffer, std::size_t size, absl::Time deadline) {
  return Seen(channel_->Read(buffer, size, deadline));
}

absl::StatusOr<std::size_t> SshLink::Seen(absl::StatusOr<std::size_t> result) {
  if (!result.ok() && !absl::IsDeadlineExceeded(result.status())) usable_ = false;
  return result;
}

std::string SshLink::Diagnosis() {
  auto status = channel_->ExitStatus(SteadyNow() + kFarEndTimeout);
  if (!status.ok()) return std::string(Message(status.status()));
  const std::string words = ssh::RemoteText(channel_->stderr_text(), kMaxWords);
  return fmt::format("it ended with exit status {}{}{}", *status, words.empty() ? "" : ": ", words);
}

absl::StatusOr<std::unique_ptr<FarEnd>> FarEnd::StartOverSsh(
    std::unique_ptr<ssh::Session> session, const std::string& host_name,
    const FarEndProgram& program, const std::string& dir, const RootAccess& root,
    const hv1::Begin& begin, absl::Time deadline,
    std::function<void(std::unique_ptr<ssh::Session>)> keep) {
  Starter starter(session.get(), host_name, program, dir, root, deadline);
  auto started = starter.Run();
  if (!started.ok()) {
    // The library names the address only.
    const bool names_host = Contains(Message(started.status()), host_name);
    return names_host ? started.status() : Annotate(started.status(), host_name);
  }
  // A far end that has begun is told of a cancel, and ends in order.
  session->SetCancelled({});
  auto link =
      std::make_unique<SshLink>(std::move(session), std::move(started->channel), std::move(keep));
  return Impl::Start(std::move(link), host_name, started->rest, begin, deadline);
}

}  // namespace dmgr::host
