// Command lines as Go's `flag` package reads them: `-name v`, `--name=v`, bools without a value,
// errors and the usage on stderr.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace dmsim {

class FlagSet {
 public:
  explicit FlagSet(std::string program) : program_(std::move(program)) {}

  void String(const std::string& name, const std::string& usage);
  void Int(const std::string& name, const std::string& usage);
  void Bool(const std::string& name, const std::string& usage);

  enum class Result { kOk, kHelp, kError };
  // Stops at the first argument that is no flag; that and the rest are in rest().
  Result Parse(const std::vector<std::string>& arguments);

  bool IsSet(const std::string& name) const { return values_.contains(name); }
  std::string Get(const std::string& name, const std::string& fallback = "") const;
  bool IsTrue(const std::string& name) const { return Get(name) == "true"; }
  const std::map<std::string, std::string>& values() const { return values_; }
  const std::vector<std::string>& rest() const { return rest_; }
  void PrintUsage() const;

 private:
  enum class Kind { kString, kInt, kBool };
  struct Flag {
    Kind kind;
    std::string usage;
  };
  Result ParseOne(const std::vector<std::string>& arguments, std::size_t* index);
  Result Store(const std::string& name, Kind kind, const std::string& value);
  Result Fail(const std::string& text) const;

  std::string program_;
  std::map<std::string, Flag> flags_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> rest_;
};

std::vector<std::string> Arguments(int argc, char** argv);

}  // namespace dmsim
