// dmgrd.toml.
#ifndef DMGR_SERVER_CONFIG_H_
#define DMGR_SERVER_CONFIG_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/rpc/limits.h"
#include "server/store/session_store.h"

namespace dmgr {

// One key of the file.
struct Setting {
  // What is in force, to tell whether it has changed; may hold a password.
  std::string value;
  // 0: the file does not have it.
  int line = 0;
  // There is no problem with it.
  bool is_good = true;
};

// Every setting of dmgrd; deploy/dmgrd.toml documents each.
struct Config {
  // [server]
  std::string listen = "127.0.0.1:9527";
  std::string socket;    // empty: none
  std::string tls_cert;  // both or neither
  std::string tls_key;
  std::string tls_client_ca;  // empty: no certificate is asked for
  bool debug_mode = true;
  absl::Duration shutdown_grace = absl::Seconds(20);
  std::string metrics_address;  // empty: none are served
  std::string page_address;     // empty: there is none
  // All that it listens on, in words.
  std::string Addresses() const;
  // [paths]
  std::string data_dir = "/var/lib/dmgrd";
  // Where the first start puts the one-time secret.
  std::string FirstSecretFile() const { return data_dir + "/first-secret"; }
  std::string DefaultKeyFile() const { return data_dir + "/master.key"; }
  std::string cluster_path;                // default: data_dir
  std::vector<std::string> cluster_roots;  // and cluster_path, always
  std::string warehouse_dir;               // default: {data_dir}/warehouse
  std::string master_key;                  // empty: DefaultKeyFile, or see secrets::FindKey
  std::string far_end_dir;                 // default: the folder of dmgrd itself
  // [warehouse]
  std::string shared_warehouse;  // empty: none; else as objects::Place::url
  std::string s3_endpoint;
  std::string s3_region = "us-east-1";
  std::string s3_key_file;  // empty: see OpenShared
  // [database]
  std::string dsn;  // empty: the embedded server
  bool insecure_dsn = false;
  int pool_size = 16;
  // [log]
  std::string log_level = "info";
  bool log_json = false;
  std::string log_file;  // empty: stderr
  // [auth]
  store::SessionLimits sessions{};
  absl::Duration longest_token = absl::Hours(366 * 24);
  // [engine]
  absl::Duration lease = absl::Seconds(15);
  int max_operations = 8;
  int max_steps = 32;
  // [history]
  int keep_days = 365;  // 0: for ever
  // [limits]
  rpc::Limits limits{};
  int pool_threads = 64;

  // By "section.key", whether or not the file has it. Empty when the file is no TOML.
  std::map<std::string, Setting> settings{};
  // Where a key is, for people: "dmgrd.toml:7: [server] tls_cert".
  std::string PlaceOf(const std::string& file_name, const std::string& key) const;
};

// Reads the text of a configuration file. problems gets everything that is wrong at once, each as
// "file:line: text": syntax, unknown keys, bad values. mode_override (from DMGR_MODE) replaces
// [server] mode unless empty.
Config ParseConfig(const std::string& text, const std::string& file_name,
                   const std::string& mode_override, std::vector<std::string>* problems);

// Names of keys.
struct ConfigChanges {
  // What dmgrd takes while it runs.
  std::vector<std::string> taken;
  // What takes a restart.
  std::vector<std::string> left;
};
// Copies what may change while dmgrd runs.
ConfigChanges TakeChanges(const Config& next, Config* running);

}  // namespace dmgr

#endif  // DMGR_SERVER_CONFIG_H_
