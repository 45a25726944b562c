// Where in a file a value stands, and how to write it there so that it cannot break out.
#ifndef DMGR_SERVER_RENDER_QUOTING_H_
#define DMGR_SERVER_RENDER_QUOTING_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/components/traits.h"

namespace dmgr::render {

// Kinds of file that templates make.
using Kind = components::Syntax;

// Follows the fixed text of a template and knows whether the next character stands between quotes
// that Escape can write for: double quotes in scripts, YAML and the Exec lines of units, backticks
// around a whole value in INI files.
class QuoteTracker {
 public:
  static std::unique_ptr<QuoteTracker> Create(Kind kind);
  virtual ~QuoteTracker() = default;

  virtual void Feed(char c) = 0;
  virtual bool InQuotes() const = 0;
  // Changes whenever a section that begins here must not end elsewhere.
  virtual int State() const = 0;
  // The end of the template.
  virtual void End() = 0;
  // What the tracker refuses to follow (the first); empty while all is well.
  const std::string& problem() const { return problem_; }

 protected:
  void Refuse(std::string_view why) {
    if (problem_.empty()) problem_ = why;
  }

 private:
  std::string problem_;
};

// The value as it is written at a place inside or outside such quotes. Outside only characters pass
// that mean nothing in any of the formats. The error says why, and never what the value is.
absl::StatusOr<std::string> Escape(Kind kind, bool quoted, const std::string& value);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_QUOTING_H_
