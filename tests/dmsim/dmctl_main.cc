// dmctl: the few commands that tests and operators need, printing the API's JSON.
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "config.h"
#include "flags.h"
#include "http.h"
#include "process.h"
#include "state.h"

namespace dmsim {
namespace {

constexpr milliseconds kTimeout(15'000);

// Prints the answer of the first master that gives one.
int Call(const FlagSet& flags, const std::string& method, const std::string& target,
         const std::string& body) {
  std::string error = "no --master-addr given";
  for (const std::string& master : Split(flags.Get("master-addr", "127.0.0.1:8261"), ',')) {
    const HttpResult result = HttpCall(master, method, target, body, kTimeout);
    if (result.status == 0) {
      error = result.error;
      continue;
    }
    const Json answer = Json::parse(result.body, nullptr, false);
    if (answer.is_discarded()) {
      std::printf("{\n    \"result\": %s,\n    \"msg\": \"\"\n}\n", result.ok() ? "true" : "false");
    } else {
      std::printf("%s\n", nlohmann::ordered_json::parse(result.body).dump(4).c_str());
    }
    return result.ok() ? 0 : 1;
  }
  std::printf("Error: can't connect to %s (%s)\n", flags.Get("master-addr").c_str(), error.c_str());
  return 1;
}

std::string ListQuery(const std::vector<std::string>& words) {
  std::string query = "?";
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with("--")) query.append(words[i], 2).append("=true&");
  }
  return query;
}

int CallMethod(const FlagSet& flags, const std::string& method, const Json& request) {
  return Call(flags, "POST", "/dmsim/call/" + method, request.dump());
}

std::string FileText(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Sources and tasks: like the real one, start-task and its kin end with 0 whatever the answer is.
int RunMigration(const FlagSet& flags) {
  const std::vector<std::string>& words = flags.rest();
  const std::string& command = words[0];
  const std::string& last = words.back();
  if (command == "operate-source" && words.size() == 3) {
    const int op = words[1] == "create" ? 1 : words[1] == "update" ? 2 : 3;
    if (op == 3) return CallMethod(flags, "OperateSource", {{"op", op}, {"source_id", {last}}});
    return CallMethod(flags, "OperateSource", {{"op", op}, {"config", {FileText(last)}}});
  }
  if (command == "start-task" || command == "check-task") {
    return CallMethod(flags, command == "start-task" ? "StartTask" : "CheckTask",
                      {{"task", FileText(last)}});
  }
  if (command == "query-status") return CallMethod(flags, "QueryStatus", {{"name", last}});
  const int op = command == "pause-task" ? 2 : command == "resume-task" ? 3 : 7;
  return CallMethod(flags, "OperateTask", {{"op", op}, {"name", last}});
}

int Run(const FlagSet& flags) {
  const std::vector<std::string>& words = flags.rest();
  const std::string command = words.empty() ? "" : words[0];
  if (command == "list-member") {
    return Call(flags, "GET", "/apis/v1alpha1/members" + ListQuery(words), "");
  }
  if (command == "query-status" && words.size() == 1) {
    return Call(flags, "GET", "/dmsim/openapi/tasks", "");
  }
  if (command == "operate-source" && words.size() > 1 && words[1] == "show") {
    return Call(flags, "GET", "/dmsim/openapi/sources?with_status=true", "");
  }
  if (command == "transfer-source" && words.size() == 3) {
    return Call(flags, "POST", "/dmsim/openapi/sources/" + words[1] + "/transfer",
                Json{{"worker_name", words[2]}}.dump());
  }
  if (command == "offline-member" && words.size() == 3) {
    // offline-member --worker NAME
    return Call(flags, "DELETE", "/apis/v1alpha1/members/" + words[1].substr(2) + "/" + words[2],
                "");
  }
  static const std::set<std::string> migration = {"operate-source", "start-task", "check-task",
                                                  "query-status",   "pause-task", "resume-task",
                                                  "stop-task"};
  if (words.size() > 1 && migration.contains(command)) return RunMigration(flags);
  std::printf("Error: unknown command \"%s\" for \"dmctl\"\n", command.c_str());
  return 1;
}

}  // namespace
}  // namespace dmsim

int main(int argc, char** argv) {
  dmsim::FlagSet flags("dmctl");
  for (const char* name : {"master-addr", "config", "rpc-timeout", "ssl-ca", "ssl-cert", "ssl-key",
                           "log-level", "log-file"}) {
    flags.String(name, "see the documentation");
  }
  for (const char* name : {"V", "version"}) flags.Bool(name, "prints version and exits");
  switch (flags.Parse(dmsim::Arguments(argc, argv))) {
    case dmsim::FlagSet::Result::kHelp:
      return 0;
    case dmsim::FlagSet::Result::kError:
      return 2;
    case dmsim::FlagSet::Result::kOk:
      break;
  }
  if (flags.IsTrue("V") || flags.IsTrue("version")) {
    std::fputs(dmsim::VersionText().c_str(), stdout);
    return 0;
  }
  dmsim::UseTlsFromSettings(flags.values());
  return dmsim::Run(flags);
}
