// What a command line may say. CLI11 reads it; its headers cost seconds in every file that sees
// them, so that commands declare their words through these small classes.
#ifndef DMGR_CLIENT_SYNTAX_H_
#define DMGR_CLIENT_SYNTAX_H_

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own.
class App;
class Option;
}  // namespace CLI

namespace dmgr::client {

// An option, or an argument that is known by its place.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  // It must be there, and not be empty.
  const Option& Required() const;
  // It must be there.
  const Option& Given() const;
  // Its value is a file, or a folder, that exists.
  const Option& File() const;
  const Option& Folder() const;
  const Option& OneOf(const std::vector<std::string>& words) const;
  const Option& Between(int least, int most) const;
  // A span of time, such as 10m.
  const Option& Span() const;
  // "a,b" is two values.
  const Option& List() const;
  const Option& Excludes(const Option& other) const;

 private:
  CLI::Option* option_;
};

// The options and arguments of one command. Their values are set when the command line is parsed,
// and must live until then.
class Syntax {
 public:
  explicit Syntax(CLI::App* app) : app_(app) {}

  // names: "-u,--user", or "NAME" for an argument.
  Option Add(const std::string& names, std::string* value, const std::string& text) const;
  Option Add(const std::string& names, int* value, const std::string& text) const;
  Option Add(const std::string& names, unsigned* value, const std::string& text) const;
  Option Add(const std::string& names, std::vector<std::string>* values,
             const std::string& text) const;
  Option Flag(const std::string& names, bool* value, const std::string& text) const;

 private:
  CLI::App* app_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_SYNTAX_H_
