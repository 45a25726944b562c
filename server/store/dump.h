// All rows of the database, as they are at one moment, and back into an empty one. By libpq itself:
// what is copied is neither parsed nor held in memory.
#ifndef DMGR_SERVER_STORE_DUMP_H_
#define DMGR_SERVER_STORE_DUMP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/database.h"

namespace dmgr::store {

struct DumpTable {
  std::string name;
  std::vector<std::string> columns;
};

struct DumpSequence {
  std::string name;
  std::int64_t last_value = 0;
};

// A cluster's folder on dmgrd's machine.
struct DumpCluster {
  std::string name;
  std::string uuid;
  std::string cluster_path;
};

struct DumpHead {
  // The migrations that have made the tables.
  int schema_version = 0;
  // Of the master key; empty: nothing was ever sealed.
  std::string key_id;
  // As LastEpoch, when the dump began.
  std::int64_t epoch = 0;
  // In an order in which each finds what its rows refer to.
  std::vector<DumpTable> tables;
  std::vector<DumpCluster> clusters;
};

// Reads in one transaction that sees nothing of what others do meanwhile, and is in nobody's way.
// For one thread.
class Dump {
 public:
  // UNAVAILABLE; FAILED_PRECONDITION: SCHEMA_TOO_NEW, or DATABASE_EMPTY when there is no schema.
  static absl::StatusOr<std::unique_ptr<Dump>> Begin(const std::string& dsn);
  ~Dump();
  Dump(const Dump&) = delete;
  Dump& operator=(const Dump&) = delete;

  const DumpHead& head() const;
  using Sink = std::function<absl::Status(std::string_view rows)>;
  // Hands over all rows in pieces of about a megabyte; returns their number.
  absl::StatusOr<std::int64_t> Read(const DumpTable& table, const Sink& sink);
  // To be read last: whatever the rows have of them is not beyond.
  absl::StatusOr<std::vector<DumpSequence>> Sequences();

 private:
  struct Impl;
  explicit Dump(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Puts a dump into an empty database, in one transaction. For one thread.
class DumpLoad {
 public:
  // Makes the tables as they were then. FAILED_PRECONDITION: DATABASE_NOT_EMPTY when any of them
  // has a row, or was made by a later version; SCHEMA_TOO_NEW when this build does not know them.
  static absl::StatusOr<std::unique_ptr<DumpLoad>> Begin(const std::string& dsn,
                                                         const DumpHead& head);
  // What was not committed is not there.
  ~DumpLoad();
  DumpLoad(const DumpLoad&) = delete;
  DumpLoad& operator=(const DumpLoad&) = delete;

  // Rows go to the table that was begun last.
  absl::Status BeginTable(const DumpTable& table);
  absl::Status Add(std::string_view rows);
  absl::Status EndTable();
  absl::Status Commit(const std::vector<DumpSequence>& sequences);

 private:
  struct Impl;
  explicit DumpLoad(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::store

#endif  // DMGR_SERVER_STORE_DUMP_H_
