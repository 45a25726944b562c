// What two calls with one request_id must have in common.
#include "server/auth/fingerprint.h"

#include <google/protobuf/descriptor.h>

#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dmgr/v1/cluster_service.pb.h"
#include "tests/support/api_methods.h"
#include "tests/support/temp_dir.h"

namespace dmgr::auth {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// So many messages below a request: its topology, a section, a configuration, an entry and its
// value, a table or a list in that, an entry and its value.
constexpr int kDepth = 8;
constexpr int kKeys = 5;

enum class Order { kForwards, kBackwards };

void Fill(Message* message, int mark, Order order, int depth);

// A value that another mark makes another one.
void FillSingle(Message* message, const FieldDescriptor* field, int mark) {
  const auto& reflection = *message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(message, field, mark);
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(message, field, mark);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(message, field, static_cast<std::uint32_t>(mark));
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(message, field, static_cast<std::uint64_t>(mark));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.SetDouble(message, field, mark + 0.5);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection.SetFloat(message, field, static_cast<float>(mark) + 0.5F);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(message, field, mark % 2 == 1);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* type = field->enum_type();
      return reflection.SetEnum(message, field, type->value(mark % type->value_count()));
    }
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.SetString(message, field, "v" + std::to_string(mark));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  FAIL(field->full_name() << " is of a kind that this test does not know");
}

void FillSingle(Message* message, const FieldDescriptor* field, int mark, Order order, int depth) {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return FillSingle(message, field, mark);
  }
  if (depth > 0) {
    Fill(message->GetReflection()->MutableMessage(message, field), mark, order, depth - 1);
  }
}

void AddScalars(Message* message, const FieldDescriptor* field, int mark) {
  const auto& reflection = *message->GetReflection();
  for (int i = 0; i < 2; ++i) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      reflection.AddString(message, field, "v" + std::to_string(mark + i));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      const auto* type = field->enum_type();
      reflection.AddEnum(message, field, type->value((mark + i) % type->value_count()));
    } else {
      FAIL(field->full_name() << " is of a kind that this test does not know");
    }
  }
}

// Each field on its own, so that it can be changed alone.
void FillField(Message* message, const FieldDescriptor* field, int mark, Order order, int depth) {
  const auto& reflection = *message->GetReflection();
  reflection.ClearField(message, field);
  if (!field->is_repeated()) return FillSingle(message, field, mark, order, depth);
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return AddScalars(message, field, mark);
  }
  if (depth == 0) return;
  const int count = field->is_map() ? kKeys : 2;
  for (int i = 0; i < count; ++i) {
    // Of a list the order is part of what it says, of a map it is not.
    const bool is_turned = field->is_map() && order == Order::kBackwards;
    const int at = mark + (is_turned ? count - 1 - i : i);
    Fill(reflection.AddMessage(message, field), at, order, depth - 1);
  }
}

// Sets every field; of a oneof the one that the mark chooses: the keys of a configuration have
// values of all kinds.
void Fill(Message* message, int mark, Order order, int depth) {
  const auto& type = *message->GetDescriptor();
  for (int f = 0; f < type.field_count(); ++f) {
    const FieldDescriptor* field = type.field(f);
    const auto* oneof = field->real_containing_oneof();
    if (oneof != nullptr && field->index_in_oneof() != mark % oneof->field_count()) {
      continue;
    }
    FillField(message, field, mark, order, depth);
  }
}

std::unique_ptr<Message> New(const google::protobuf::Descriptor& type) {
  auto* factory = google::protobuf::MessageFactory::generated_factory();
  return std::unique_ptr<Message>(factory->GetPrototype(&type)->New());
}

std::unique_ptr<Message> Filled(const google::protobuf::Descriptor& type, Order order) {
  auto message = New(type);
  Fill(message.get(), 1, order, kDepth);
  return message;
}

bool IsSet(const Message& message, const FieldDescriptor* field) {
  const auto& reflection = *message.GetReflection();
  return field->is_repeated() ? reflection.FieldSize(message, field) > 0
                              : reflection.HasField(message, field);
}

// Of every request of the API that has a request_id.
std::vector<const google::protobuf::Descriptor*> Repeatable() {
  std::vector<const google::protobuf::Descriptor*> types;
  for (const auto* method : testing::ApiMethods()) {
    const auto* type = method->input_type();
    if (type->FindFieldByName("request_id") != nullptr) types.push_back(type);
  }
  return types;
}

SecretBox NewBox() {
  const test::TempDir folder;
  auto box = SecretBox::Open(folder / "master.key");
  REQUIRE(box.ok());
  return *std::move(box);
}

TEST_CASE("a fingerprint is the same for equal calls, and tells nothing of them") {
  const SecretBox box = NewBox();
  v1::DeployClusterRequest a;
  a.set_cluster_name("demo");
  a.set_grafana_admin_password("admin");
  (*a.mutable_labels())["x"] = "1";
  (*a.mutable_labels())["y"] = "2";
  v1::DeployClusterRequest b;
  (*b.mutable_labels())["y"] = "2";
  (*b.mutable_labels())["x"] = "1";
  b.set_grafana_admin_password("admin");
  b.set_cluster_name("demo");
  b.set_request_id("another");
  const std::string print = FingerprintOf(box, a);
  CHECK(print.size() == 64);
  CHECK(FingerprintOf(box, b) == print);
  CHECK(FingerprintOf(NewBox(), a) != print);
  b.set_grafana_admin_password("admim");
  CHECK(FingerprintOf(box, b) != print);
  // Another call with the same bytes.
  v1::StartClusterRequest start;
  v1::StopClusterRequest stop;
  start.set_cluster_name("demo");
  stop.set_cluster_name("demo");
  CHECK(FingerprintOf(box, start) != FingerprintOf(box, stop));
}

TEST_CASE("however often a request is sent, and however its maps lie, its fingerprint is one") {
  const SecretBox box = NewBox();
  int with_orders = 0;
  for (const auto* type : Repeatable()) {
    INFO(type->full_name());
    auto message = Filled(*type, Order::kForwards);
    const std::string print = FingerprintOf(box, *message);
    CHECK(FingerprintOf(box, *Filled(*type, Order::kBackwards)) == print);
    std::set<std::string> sent, prints;
    for (int i = 0; i < 50; ++i) {
      const std::string bytes = message->SerializeAsString();
      message = New(*type);
      REQUIRE(message->ParseFromString(bytes));
      sent.insert(bytes);
      prints.insert(FingerprintOf(box, *message));
    }
    CHECK(prints == std::set<std::string>{print});
    if (sent.size() > 1) ++with_orders;
  }
  // Else nothing was tried: the bytes that are sent do differ where there are maps.
  CHECK(with_orders > 3);
}

TEST_CASE("whatever of a request differs but its request_id, its fingerprint does too") {
  const SecretBox box = NewBox();
  int changed = 0;
  for (const auto* type : Repeatable()) {
    const auto message = Filled(*type, Order::kForwards);
    const std::string print = FingerprintOf(box, *message);
    const auto after = [&](const FieldDescriptor* field, bool is_cleared) {
      const auto other = New(*type);
      other->CopyFrom(*message);
      if (is_cleared) {
        other->GetReflection()->ClearField(other.get(), field);
      } else {
        FillField(other.get(), field, 2, Order::kForwards, kDepth);
      }
      return FingerprintOf(box, *other);
    };
    for (int f = 0; f < type->field_count(); ++f) {
      const FieldDescriptor* field = type->field(f);
      INFO(field->full_name());
      const bool counts = field->name() != "request_id";
      CHECK((after(field, false) != print) == counts);
      if (!IsSet(*message, field)) continue;
      CHECK((after(field, true) != print) == counts);
      ++changed;
    }
  }
  CHECK(changed > 100);
}

}  // namespace
}  // namespace dmgr::auth
