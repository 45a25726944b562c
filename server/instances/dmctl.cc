#include "server/instances/dmctl.h"

#include <google/protobuf/util/time_util.h>
#include <re2/re2.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/package/structure.h"
#include "common/steady_time.h"
#include "server/clusters/record.h"
#include "server/instances/local_program.h"
#include "server/members/probe.h"
#include "server/members/tls.h"
#include "server/warehouse/shared.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::instances {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::int64_t kDmctlTimeout = 120'000;
constexpr std::int64_t kDmctlLongest = 3'600'000;
constexpr absl::Duration kLeaderTimeout = absl::Seconds(3);
constexpr std::size_t kMaxDmctlWord = 64U << 10;
// Of what it says, in which its result is looked for.
constexpr std::size_t kMaxHead = 16U << 10;

Error WrongWord(int index, const std::string& text) {
  const std::string field = fmt::format("words[{}]", index);
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{} {}", field, text)
      .Field(field, text);
}

// Whether a word is an option of this name, with one dash or two, with or without a value.
bool IsOption(const std::string& word, std::string_view name) {
  if (!word.starts_with('-')) return false;
  const auto begin = word.find_first_not_of('-');
  if (begin == std::string::npos || begin > 2) return false;
  return word.substr(begin, word.find('=') - begin) == name;
}

// A command line shows on the machine, and what it says of files is for whoever may see these.
absl::Status CheckText(int index, const std::string& word) {
  if (word.size() > kMaxDmctlWord || word.find('\0') != std::string::npos) {
    return WrongWord(index, "is too long, or has a zero byte");
  }
  for (const char* option : {"master-addr", "config", "ssl-ca", "ssl-cert", "ssl-key", "encrypt"}) {
    if (!IsOption(word, option)) continue;
    return WrongWord(index, fmt::format("must not be --{}: dmgr knows where and how", option));
  }
  const std::string value = word.starts_with('-') && word.find('=') != std::string::npos
                                ? word.substr(word.find('=') + 1)
                                : word;
  for (const char* begin : {"/", "./", "../", "~"}) {
    if (value.starts_with(begin)) {
      return WrongWord(index, "looks like a path: send the content of a file instead");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckDmctl(const v1::RunDmctlRequest& request) {
  if (request.words().empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "no command for dmctl: it would wait for somebody to type one")
        .Field("words", "must have a command, such as query-status");
  }
  for (int i = 0; i < request.words_size(); ++i) {
    if (request.words(i).has_text()) RETURN_IF_ERROR(CheckText(i, request.words(i).text()));
  }
  const std::string& command = request.words(0).text();
  if (command == "encrypt" || command == "decrypt") {
    return WrongWord(0, "would show a password in the list of processes of dmgrd's machine")
        .Remedy("a source's file may have its password as it is: it is sent as content");
  }
  const std::int64_t timeout = TimeUtil::DurationToMilliseconds(request.timeout());
  if (!request.has_timeout() || (timeout > 0 && timeout <= kDmctlLongest)) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
               "timeout must be more than 0 and at most an hour")
      .Field("timeout", "must be more than 0 and at most an hour");
}

// The leader's address as dmgrd reaches it; those of all when nobody says who leads.
std::string AddressesOf(const Resources& resources, const topology::Cluster& cluster,
                        const Gone& gone) {
  const auto members = resources.members->GetMembers(cluster, SteadyNow() + kLeaderTimeout, gone);
  for (const auto* master : members::JoinedMasters(cluster)) {
    if (members.ok() && master->name == members->leader_name) return members::AddressOf(*master);
  }
  return fmt::format("{}", fmt::join(members::MasterAddresses(cluster), ","));
}

// dmctl reads what it shows from files that nobody else sees.
absl::Status AddTls(const Resources& resources, const topology::Cluster& cluster,
                    std::vector<ProgramWord>* words) {
  const dm::TlsMaterial tls = members::MaterialOf(cluster.tls.get(), resources.secrets);
  RETURN_IF_ERROR(tls.problem);
  if (tls.empty()) return absl::OkStatus();
  for (const auto& [option, content] :
       {std::pair{"--ssl-ca", &tls.ca}, std::pair{"--ssl-cert", &tls.certificate},
        std::pair{"--ssl-key", &tls.key}}) {
    words->push_back({.text = option});
    words->push_back({.content = *content, .is_file = true});
  }
  return absl::OkStatus();
}

// dmctl says in the beginning of its answer how the command went, and ends with 0 however that is.
bool HasFailed(const std::string& head) {
  static const re2::RE2 kFailed(R"((?m)^\{\s*"result":\s*false\b)");
  return re2::RE2::PartialMatch(head, kFailed);
}

// The cluster's own, or, where its tree came from a backup, which has no programs, the package's.
// An imported cluster may have neither.
absl::StatusOr<std::string> DmctlOf(const Resources& resources, const store::ClusterRecord& record,
                                    const Gone& gone) {
  constexpr char kDmctl[] = "/others/dmctl";
  // It runs here, whatever the hosts are.
  const auto here = package::ArchOf("/proc/self/exe").value_or(std::string());
  const auto in = [&](const std::string& tree) {
    return (here.empty() ? tree : package::ProgramsOf(tree, here)) + kDmctl;
  };
  const std::string own = in(clusters::ClusterTree(record));
  const std::string packaged = in(PackageTree(resources, record.cluster.version));
  std::error_code error;
  if (std::filesystem::exists(own, error)) return own;
  RETURN_IF_ERROR(warehouse::LoadPackage(resources, record.cluster.version).status());
  RETURN_IF_ERROR(warehouse::HavePackage(resources, record.cluster.version, gone));
  return std::filesystem::exists(packaged, error) ? packaged : own;
}

}  // namespace

absl::Status RunDmctl(const Resources& resources, const v1::RunDmctlRequest& request,
                      std::string* what, const Gone& gone,
                      const Write<v1::RunDmctlResponse>& write) {
  *what = request.cluster_name();
  RETURN_IF_ERROR(CheckDmctl(request));
  ASSIGN_OR_RETURN(const auto record, clusters::FindCluster(resources, request.cluster_name()));
  *what = fmt::format("{}: dmctl {}", request.cluster_name(), request.words(0).text());
  std::vector<ProgramWord> words;
  words.push_back({.text = "--master-addr=" + AddressesOf(resources, record.cluster, gone)});
  RETURN_IF_ERROR(AddTls(resources, record.cluster, &words));
  for (const auto& word : request.words()) {
    words.push_back(word.has_file() ? ProgramWord{.content = word.file(), .is_file = true}
                                    : ProgramWord{.text = word.text()});
  }
  std::string head;
  const TakeOutput take = [&](bool is_error, std::string_view data) {
    v1::RunDmctlResponse event;
    if (is_error) {
      event.set_standard_error(std::string(data));
    } else {
      event.set_standard_output(std::string(data));
      head += data.substr(0, kMaxHead - std::min(kMaxHead, head.size()));
    }
    return write(event);
  };
  const std::int64_t timeout =
      request.has_timeout() ? TimeUtil::DurationToMilliseconds(request.timeout()) : kDmctlTimeout;
  ASSIGN_OR_RETURN(const std::string dmctl, DmctlOf(resources, record, gone));
  ASSIGN_OR_RETURN(const auto end,
                   RunHere(dmctl, words, SteadyNow() + absl::Milliseconds(timeout), gone, take));
  v1::RunDmctlResponse last;
  const bool failed = end.exit_status == 0 && HasFailed(head);
  last.mutable_exit()->set_exit_code(failed ? 1 : end.exit_status);
  last.mutable_exit()->set_timed_out(end.timed_out);
  return write(last) ? absl::OkStatus() : absl::CancelledError("the caller has gone");
}

}  // namespace dmgr::instances
