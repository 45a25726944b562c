#include "server/rpc/field_limits.h"

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/error.h"

namespace dmgr::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using AnyMessage = google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::size_t kText = 4096;
constexpr std::size_t kName = 256;
constexpr std::size_t kPassword = 1024;
constexpr std::size_t kKey = 64 << 10;
constexpr std::size_t kFile = 1 << 20;
constexpr int kMaxElements = 10'000;
constexpr int kMaxDepth = 32;
// Told at once; more would not arrive.
constexpr std::size_t kMaxTold = 20;

constexpr std::size_t kSmallRequest = 256 << 10;
constexpr std::size_t kLargeRequest = 64 << 20;
// Of one with a file in it.
constexpr std::size_t kFileRequest = kFile + kSmallRequest;

// By the full name of a field, without the package; then by its last name alone.
const std::unordered_map<std::string_view, std::size_t>& Exceptions() {
  static const std::unordered_map<std::string_view, std::size_t> kExceptions = {
      // Contents.
      {"UploadChunk.data", 2 << 20},
      {"PushFileRequest.data", 2 << 20},
      {"RestoreClusterRequest.data", 2 << 20},
      {"LocalFile.content", kFile},
      {"Credential.private_key", kKey},
      {"Value.string_value", 64 << 10},      // Of a configuration.
      {"ExecRequest.arguments", 128 << 10},  // What the kernel takes of one.
      {"config_yaml", kFile},
      {"statement", 192 << 10},  // The request itself may have 256.
      {"statements", 64 << 10},
      {"ca_certificate", kKey},
      {"ca_key", kKey},
      {"client_certificate", kKey},
      {"client_key", kKey},
      // Secrets.
      {"LoginRequest.password", kPassword},
      {"password", kPassword},
      {"old_password", kPassword},
      {"new_password", kPassword},
      {"passphrase", kPassword},
      {"sudo_password", kPassword},
      {"grafana_admin_password", kPassword},
      // Names and ids.
      {"name", kName},
      {"host", kName},
      {"user", kName},
      {"group", kName},
      {"version", kName},
      {"arch", kName},
      {"sha256", kName},
      {"request_id", kName},
      {"operation_id", kName},
      {"machine_id", kName},
      {"via", kName},
      {"machine_ids", kName},
      {"from_machine_id", kName},
      {"to_machine_id", kName},
      {"patch_id", kName},
      {"user_name", kName},
      {"cluster_name", kName},
      {"source_id", kName},
      {"source_ids", kName},
      {"owner_source_id", kName},
      {"lock_id", kName},
      {"database_name", kName},
      {"table_name", kName},
      {"binlog_position", kName},
      {"target_name", kName},
      {"task_name", kName},
      {"worker_name", kName},
      {"worker_names", kName},
      {"before_file", kName},
      {"sub_dir", kName},
      {"new_cluster_name", kName},
      {"grafana_admin_user", kName},
      {"topology_etag", kName},
      {"etag", kName},
      {"method", kName},
      {"numa_node", kName},
  };
  return kExceptions;
}

bool HoldsTopology(const Descriptor& message) {
  for (int i = 0; i < message.field_count(); ++i) {
    const Descriptor* part = message.field(i)->message_type();
    if (part != nullptr && part->full_name() == "dmgr.v1.Topology") return true;
  }
  return false;
}

// Walks one request.
class Walk {
 public:
  void Visit(const AnyMessage& message, const std::string& path, int depth) {
    const Reflection& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      const std::string name = path.empty() ? field->name() : path + "." + field->name();
      const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
      if (count > kMaxElements) {
        Tell(name, fmt::format("has {} elements, more than {}", count, kMaxElements));
        continue;
      }
      for (int i = 0; i < count; ++i) VisitValue(message, *field, i, name, depth);
    }
  }

  const google::rpc::BadRequest& bad() const { return bad_; }

 private:
  void VisitValue(const AnyMessage& message, const FieldDescriptor& field, int index,
                  const std::string& name, int depth) {
    const Reflection& reflection = *message.GetReflection();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const AnyMessage& part = field.is_repeated()
                                   ? reflection.GetRepeatedMessage(message, &field, index)
                                   : reflection.GetMessage(message, &field);
      if (depth == kMaxDepth) return Tell(name, fmt::format("lies deeper than {}", kMaxDepth));
      return Visit(part, name, depth + 1);
    }
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return;
    std::string scratch;
    const std::string& value =
        field.is_repeated()
            ? reflection.GetRepeatedStringReference(message, &field, index, &scratch)
            : reflection.GetStringReference(message, &field, &scratch);
    const std::size_t most = MostBytes(field);
    if (value.size() > most) {
      Tell(name, fmt::format("has {} bytes, more than {}", value.size(), most));
    }
  }

  void Tell(const std::string& field, const std::string& description) {
    if (static_cast<std::size_t>(bad_.field_violations_size()) == kMaxTold) return;
    auto* violation = bad_.add_field_violations();
    violation->set_field(field);
    violation->set_description(description);
  }

  google::rpc::BadRequest bad_;
};

}  // namespace

std::size_t MostBytes(const FieldDescriptor& field) {
  const std::string full = field.containing_type()->name() + "." + field.name();
  auto found = Exceptions().find(full);
  if (found == Exceptions().end()) found = Exceptions().find(field.name());
  return found == Exceptions().end() ? kText : found->second;
}

std::size_t MostBytes(const Descriptor& request) {
  const bool has_content =
      request.name() == "UploadPackageRequest" || request.name() == "UploadPatchRequest" ||
      request.name() == "PushFileRequest" || request.name() == "RestoreClusterRequest";
  if (has_content || HoldsTopology(request)) return kLargeRequest;
  return request.FindFieldByName("config_yaml") != nullptr ? kFileRequest : kSmallRequest;
}

absl::Status CheckLengths(const AnyMessage& request) {
  const std::size_t most = MostBytes(*request.GetDescriptor());
  if (request.ByteSizeLong() > most) {
    return Error(absl::StatusCode::kResourceExhausted, "REQUEST_TOO_LARGE",
                 "the request has {} bytes, more than the {} that this call takes",
                 request.ByteSizeLong(), most)
        .Remedy("send less at once");
  }
  Walk walk;
  walk.Visit(request, "", 0);
  if (walk.bad().field_violations_size() == 0) return absl::OkStatus();
  Error error(absl::StatusCode::kInvalidArgument, "FIELD_TOO_LONG", "{} {}",
              walk.bad().field_violations(0).field(), walk.bad().field_violations(0).description());
  for (const auto& one : walk.bad().field_violations()) {
    error.Field(one.field(), one.description());
  }
  return error.Remedy("shorten what is named");
}

}  // namespace dmgr::rpc
