#include "tests/migrations/etcd.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "absl/strings/escaping.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "server/dm/http.h"
#include "tests/migrations/free_port.h"
#include "tests/support/eventually.h"
#include "tests/support/files.h"

namespace dmgr::testing {
namespace {

std::string Base64(const std::string& text) { return absl::Base64Escape(ToAbsl(text)); }

}  // namespace

Etcd::Etcd(const EtcdTls& tls) : address_(fmt::format("127.0.0.1:{}", FreePort())) {
  const std::string peer = fmt::format("http://127.0.0.1:{}", FreePort());
  const bool secure = !tls.ca_file.empty();
  const std::string client = (secure ? "https://" : "http://") + address_;
  std::vector<std::string> args = {"/usr/bin/etcd",
                                   "--data-dir=" + dir_ / "data",
                                   "--listen-client-urls=" + client,
                                   "--advertise-client-urls=" + client,
                                   "--listen-peer-urls=" + peer,
                                   "--initial-advertise-peer-urls=" + peer,
                                   "--initial-cluster=default=" + peer};
  if (secure) {
    for (const std::string& arg :
         {"--cert-file=" + tls.certificate_file, "--key-file=" + tls.key_file,
          "--trusted-ca-file=" + tls.ca_file, std::string("--client-cert-auth")}) {
      args.push_back(arg);
    }
  }
  const std::string log = dir_ / "log";
  process_ = std::make_unique<Child>(Command{.args = args}, log);
  const bool ready = Eventually([&] {
    return process_->Poll().has_value() ||
           Contents(log).find("serving " + std::string(secure ? "client requests" : "insecure")) !=
               std::string::npos;
  });
  if (!ready || process_->Poll().has_value()) throw std::runtime_error(Contents(log));
}

std::string Etcd::Post(const std::string& path, const std::string& json) const {
  const auto reply = dm::Http().Send("POST", "http://" + address_ + path, json,
                                     SteadyNow() + absl::Seconds(20), {});
  if (!reply.ok()) throw std::runtime_error(reply.status().ToString());
  if (reply->status != 200) throw std::runtime_error(reply->body);
  return reply->body;
}

void Etcd::Put(const std::string& key, const std::string& value, long lease) const {
  Post("/v3/kv/put",
       nlohmann::json{{"key", Base64(key)}, {"value", Base64(value)}, {"lease", lease}}.dump());
}

}  // namespace dmgr::testing
