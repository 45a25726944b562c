// YAML nodes into messages of the API. Private to this room.
#ifndef DMGR_CLIENT_TOPOLOGY_READER_H_
#define DMGR_CLIENT_TOPOLOGY_READER_H_

#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>
#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>
#include <vector>

#include "client/topology/mistakes.h"

namespace dmgr::client {

// Fills a message by the names of its fields. Collects every mistake instead of stopping at the
// first. Aliases make one node appear many times: what is read is limited in depth and in all.
class Reader {
 public:
  // notes: gets the keys of TiUP that are left out, which are mistakes without it.
  explicit Reader(std::vector<Mistake>* mistakes, std::vector<Mistake>* notes = nullptr)
      : mistakes_(mistakes), notes_(notes) {}

  // what: how the file calls the node, for messages.
  void ReadMessage(const YAML::Node& node, const std::string& what,
                   google::protobuf::Message* message);

 private:
  using Entry = std::function<void(const std::string& key, const YAML::Node& key_node,
                                   const YAML::Node& value)>;

  void ReadEntries(const YAML::Node& node, const std::string& what, const Entry& entry);
  void ReadEntry(const std::string& key, const YAML::Node& key_node, const YAML::Node& value,
                 google::protobuf::Message* message);
  void ReadField(const YAML::Node& value, google::protobuf::Message* message,
                 const google::protobuf::FieldDescriptor& field);
  void ReadScalar(const YAML::Node& value, google::protobuf::Message* message,
                  const google::protobuf::FieldDescriptor& field);
  void ReadInto(const YAML::Node& value, const std::string& what,
                google::protobuf::Message* message);
  void ReadList(const YAML::Node& value, google::protobuf::Message* message,
                const google::protobuf::FieldDescriptor& field);
  void ReadStruct(const YAML::Node& node, const std::string& what, int depth,
                  google::protobuf::Struct* result);
  void ReadValue(const YAML::Node& node, const std::string& what, int depth,
                 google::protobuf::Value* result);
  void ReadNumber(const YAML::Node& node, const std::string& what, google::protobuf::Value* result);
  // False, once reported, when too much was read.
  bool Spend(const YAML::Node& node);
  void Report(const YAML::Node& node, std::string text);

  std::vector<Mistake>* mistakes_;
  std::vector<Mistake>* notes_;
  // Whether numbers of the Struct that is read keep the way they are written: they go into files
  // whose readers decide what is a number. Those of DM are read here.
  bool as_written_ = false;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  bool spent_ = false;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_TOPOLOGY_READER_H_
