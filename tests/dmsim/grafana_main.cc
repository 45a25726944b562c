// grafana-server: refuses a broken home, serves health, login, dashboards and data sources.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "flags.h"
#include "http.h"
#include "ini.h"
#include "process.h"

namespace dmsim {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr char kGrafanaVersion[] = "7.5.17";

[[noreturn]] void FailInit(const std::string& reason) {
  std::printf("Grafana-server Init Failed: %s\n", reason.c_str());
  ExitNow(1);
}

std::string Base64(const std::string& text) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const bool padding = i + k > text.size();
      result += padding ? '=' : kDigits[bits >> (18 - 6 * k) & 63];
    }
  }
  return result;
}

HttpResponse JsonAnswer(const Json& body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json; charset=UTF-8";
  response.body = body.dump();
  return response;
}

class Grafana {
 public:
  Grafana(std::string home, const std::string& config) : home_(std::move(home)) {
    if (!ReadIni(home_ + "/conf/defaults.ini", &ini_)) {
      FailInit(
          "Could not find config defaults, make sure homepath command line parameter is set "
          "or working directory is homepath");
    }
    if (!fs::is_directory(home_ + "/public")) FailInit("Failed to detect static root: public");
    if (!config.empty() && !ReadIni(config, &ini_)) {
      FailInit("failed to parse \"" + config + "\": open " + config +
               ": no such file or directory");
    }
    provisioning_ = IniValue(ini_, "paths.provisioning", "conf/provisioning");
    if (provisioning_[0] != '/') provisioning_ = home_ + "/" + provisioning_;
    authorization_ = "Basic " + Base64(IniValue(ini_, "security.admin_user", "admin") + ":" +
                                       IniValue(ini_, "security.admin_password", "admin"));
  }

  void Start() {
    StoreDataSources();
    const std::string address =
        IniValue(ini_, "server.http_addr", "") + ":" + IniValue(ini_, "server.http_port", "3000");
    std::string error;
    if (!server_.Listen(address, &error)) {
      ExitWith(1, "failed to open listener on address " + address + ": " + error);
    }
    server_.Serve([this](const HttpRequest& request) { return Handle(request); });
    Info("HTTP Server Listen " + address);
  }

 private:
  // What stands before all paths when it serves below one: "/grafana".
  std::string Prefix() const {
    if (IniValue(ini_, "server.serve_from_sub_path", "") != "true") return "";
    const std::string url = IniValue(ini_, "server.root_url", "");
    const auto host = url.find("://");
    const auto slash = host == std::string::npos ? host : url.find('/', host + 3);
    std::string prefix = slash == std::string::npos ? "" : url.substr(slash);
    while (prefix.ends_with('/')) prefix.pop_back();
    return prefix;
  }

  HttpResponse Handle(const HttpRequest& request) const {
    const std::string prefix = Prefix();
    std::string path = request.path;
    if (!path.starts_with(prefix + "/") && path != prefix) {
      HttpResponse response;
      response.status = 301;
      response.headers["Location"] = prefix + path;
      return response;
    }
    path.erase(0, prefix.size());
    if (path.empty()) path = "/";
    if (path == "/api/health") {
      return JsonAnswer({{"commit", "dmsim"}, {"database", "ok"}, {"version", kGrafanaVersion}});
    }
    if (path == "/metrics") return MetricsResponse("");
    if (path == "/login") return Login(request);
    if (path == "/") {
      HttpResponse response;
      response.status = 302;
      response.headers["Location"] = "/login";
      return response;
    }
    if (!path.starts_with("/api/")) return NotFoundResponse();
    if (!IsAllowed(request)) return JsonAnswer({{"message", "Unauthorized"}}, 401);
    if (path == "/api/search") return JsonAnswer(Dashboards());
    if (path == "/api/datasources") return JsonAnswer(DataSources());
    if (path == "/api/org") return JsonAnswer({{"id", 1}, {"name", "Main Org."}});
    if (path.starts_with("/api/dashboards/uid/")) {
      for (const Json& item : Dashboards()) {
        if (path == "/api/dashboards/uid/" + item["uid"].get<std::string>()) {
          return JsonAnswer(
              {{"dashboard", ReadJson(item["file"])}, {"meta", {{"slug", item["title"]}}}});
        }
      }
    }
    return JsonAnswer({{"message", "Not found"}}, 404);
  }

  static HttpResponse Login(const HttpRequest&) {
    HttpResponse response;
    response.content_type = "text/html; charset=UTF-8";
    response.body = "<!DOCTYPE html><html><head><title>Grafana</title></head></html>\n";
    return response;
  }

  bool IsAllowed(const HttpRequest& request) const {
    return request.Header("authorization") == authorization_ ||
           (request.method == "GET" && IniValue(ini_, "auth.anonymous.enabled", "") == "true");
  }

  static Json ReadJson(const std::string& file) {
    std::ifstream in(file);
    return Json::parse(in, nullptr, false);
  }

  // What the provisioning files point to.
  Json Dashboards() const {
    Json found = Json::array();
    for (const YamlItem& provider : ReadProvisioning(provisioning_ + "/dashboards")) {
      const auto path = provider.find("path");
      if (path == provider.end()) continue;
      std::error_code ignored;
      for (const auto& entry : fs::recursive_directory_iterator(path->second, ignored)) {
        const Json board = entry.path().extension() == ".json" ? ReadJson(entry.path()) : Json();
        if (!board.is_object()) continue;
        const auto folder = provider.find("folder");
        found.push_back({{"title", board.value("title", "")},
                         {"uid", board.value("uid", entry.path().stem().string())},
                         {"type", "dash-db"},
                         {"folderTitle", folder == provider.end() ? "" : folder->second},
                         {"file", entry.path().string()}});
      }
    }
    return found;
  }

  Json DataSources() const {
    Json found = Json::array();
    for (const YamlItem& item : ReadProvisioning(provisioning_ + "/datasources")) {
      if (!item.contains("url") || !item.contains("name")) continue;
      const auto get = [&item](const char* key) {
        const auto it = item.find(key);
        return it == item.end() ? std::string() : it->second;
      };
      found.push_back({{"id", found.size() + 1},
                       {"uid", get("uid")},
                       {"name", get("name")},
                       {"type", get("type")},
                       {"access", get("access")},
                       {"url", get("url")},
                       {"isDefault", get("isDefault") == "true"}});
    }
    return found;
  }

  // Its database knows them by name, and has each uid once (grafana/grafana#111667).
  void StoreDataSources() const {
    const std::string file = IniValue(ini_, "paths.data", home_ + "/data") + "/data_sources.json";
    Json known = ReadJson(file);
    if (!known.is_object()) known = Json::object();
    for (const YamlItem& item : ReadProvisioning(provisioning_ + "/datasources")) {
      const auto gone = item.find("name");
      if (gone != item.end() && !item.contains("url")) known.erase(gone->second);
    }
    for (const Json& source : DataSources()) {
      const std::string name = source["name"];
      for (const auto& [other, uid] : known.items()) {
        if (other == name || uid != source["uid"] || uid == "") continue;
        FailInit("Datasource provisioning error: data source with the same uid already exists");
      }
      known[name] = source["uid"];
    }
    std::ofstream(file) << known.dump();
  }

  std::string home_;
  Ini ini_;
  std::string provisioning_;
  std::string authorization_;
  HttpServer server_;
};

}  // namespace
}  // namespace dmsim

int main(int argc, char** argv) {
  dmsim::BlockStopSignals();
  dmsim::FlagSet flags("grafana-server");
  for (const char* name : {"homepath", "config", "pidfile", "packaging"}) {
    flags.String(name, "see the documentation");
  }
  flags.Bool("v", "prints current version and exits");
  flags.Bool("version", "prints current version and exits");
  const auto result = flags.Parse(dmsim::Arguments(argc, argv));
  if (result != dmsim::FlagSet::Result::kOk) {
    return result == dmsim::FlagSet::Result::kHelp ? 0 : 2;
  }
  if (flags.IsTrue("v") || flags.IsTrue("version")) {
    std::printf("Version %s (commit: dmsim, branch: HEAD)\n", dmsim::kGrafanaVersion);
    return 0;
  }
  dmsim::Grafana grafana(flags.Get("homepath", "."), flags.Get("config"));
  if (flags.IsSet("pidfile")) std::ofstream(flags.Get("pidfile")) << getpid();
  grafana.Start();
  dmsim::WaitForStopSignal();
  dmsim::ExitNow(0);
}
