#include "flags.h"

#include <charconv>
#include <cstdio>
#include <set>

namespace dmsim {

void FlagSet::String(const std::string& name, const std::string& usage) {
  flags_[name] = {Kind::kString, usage};
}

void FlagSet::Int(const std::string& name, const std::string& usage) {
  flags_[name] = {Kind::kInt, usage};
}

void FlagSet::Bool(const std::string& name, const std::string& usage) {
  flags_[name] = {Kind::kBool, usage};
}

FlagSet::Result FlagSet::Parse(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size();) {
    const std::string& argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-' || argument == "--") {
      rest_.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i + (argument == "--")),
                   arguments.end());
      return Result::kOk;
    }
    if (const Result result = ParseOne(arguments, &i); result != Result::kOk) return result;
  }
  return Result::kOk;
}

FlagSet::Result FlagSet::ParseOne(const std::vector<std::string>& arguments, std::size_t* index) {
  const std::string& argument = arguments[(*index)++];
  std::string name = argument.substr(argument.starts_with("--") ? 2 : 1);
  if (name.empty() || name[0] == '-' || name[0] == '=') return Fail("bad flag syntax: " + argument);
  const auto equals = name.find('=');
  const bool has_value = equals != std::string::npos;
  std::string value = has_value ? name.substr(equals + 1) : "";
  name.resize(has_value ? equals : name.size());

  const auto flag = flags_.find(name);
  if (flag == flags_.end()) {
    if (name == "help" || name == "h") {
      PrintUsage();
      return Result::kHelp;
    }
    return Fail("flag provided but not defined: -" + name);
  }
  if (!has_value && flag->second.kind == Kind::kBool) {
    value = "true";
  } else if (!has_value) {
    if (*index == arguments.size()) return Fail("flag needs an argument: -" + name);
    value = arguments[(*index)++];
  }
  return Store(name, flag->second.kind, value);
}

FlagSet::Result FlagSet::Store(const std::string& name, Kind kind, const std::string& value) {
  static const std::set<std::string> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
  static const std::set<std::string> kFalse = {"0", "f", "F", "FALSE", "false", "False"};
  if (kind == Kind::kBool) {
    if (!kTrue.contains(value) && !kFalse.contains(value)) {
      return Fail("invalid boolean value \"" + value + "\" for -" + name + ": parse error");
    }
    values_[name] = kTrue.contains(value) ? "true" : "false";
    return Result::kOk;
  }
  if (kind == Kind::kInt) {
    long long number = 0;
    const char* end = value.data() + value.size();
    if (std::from_chars(value.data(), end, number).ptr != end || value.empty()) {
      return Fail("invalid value \"" + value + "\" for flag -" + name + ": parse error");
    }
  }
  values_[name] = value;
  return Result::kOk;
}

FlagSet::Result FlagSet::Fail(const std::string& text) const {
  std::fprintf(stderr, "%s\n", text.c_str());
  PrintUsage();
  return Result::kError;
}

void FlagSet::PrintUsage() const {
  std::fprintf(stderr, "Usage of %s:\n", program_.c_str());
  for (const auto& [name, flag] : flags_) {
    const char* kind = flag.kind == Kind::kBool ? "" : flag.kind == Kind::kInt ? " int" : " string";
    std::fprintf(stderr, "  -%s%s\n    \t%s\n", name.c_str(), kind, flag.usage.c_str());
  }
}

std::string FlagSet::Get(const std::string& name, const std::string& fallback) const {
  const auto it = values_.find(name);
  return it == values_.end() ? fallback : it->second;
}

std::vector<std::string> Arguments(int argc, char** argv) {
  return std::vector<std::string>(argv + 1, argv + argc);
}

}  // namespace dmsim
