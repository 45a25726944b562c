// A cluster with one source, and what is asked of it about its task "shop".
#ifndef DMGR_TESTS_OPERATIONS_SHOP_H_
#define DMGR_TESTS_OPERATIONS_SHOP_H_

#include <catch2/catch.hpp>
#include <string>

#include "server/operations/task/task.h"
#include "tests/operations/migrating.h"

namespace dmgr::test {

// Of task "shop".
inline std::string TaskYaml(const std::string& more = "") {
  return "name: shop\ntask-mode: all\n" + more +
         "target-database: {host: t, port: 4000, user: r, password: pa55}\n"
         "mysql-instances:\n- source-id: s1\n";
}

// With a source s1.
struct Tasks : Migrating {
  Tasks() { Perform(&stage, Creating(SourceYaml("s1", "db1"), "worker-3")); }

  Ask CreatingTask(const std::string& yaml, bool stopped = false) {
    v1::CreateTaskRequest request;
    request.set_config_yaml(yaml);
    request.set_stopped(stopped);
    return By(operations::CreateTask, request);
  }
  Ask UpdatingTask(const std::string& yaml) {
    v1::UpdateTaskRequest request;
    request.set_config_yaml(yaml);
    return By(operations::UpdateTask, request);
  }
  template <typename Request>
  Ask OfShop(absl::StatusOr<v1::Operation> (*call)(const Resources&, const Request&,
                                                   const Caller&)) {
    Request request;
    request.set_task_name("shop");
    return By(call, request);
  }
  v1::Task Shop() {
    const auto task = operations::GetTask(stage.resources(), kMigrating, "shop");
    REQUIRE_OK(task.status());
    return *task;
  }
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_OPERATIONS_SHOP_H_
