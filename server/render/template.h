// One mustache template: checked against the variables that it may use, then rendered so that no
// value can break out of its place.
//
// Of mustache: {{variable}}, {{#section}}, {{^inverted}} and {{!comment}}. Refused: {{{x}}} and
// {{&x}} (they would not be escaped), partials and other delimiters.
#ifndef DMGR_SERVER_RENDER_TEMPLATE_H_
#define DMGR_SERVER_RENDER_TEMPLATE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/render/quoting.h"

namespace dmgr::render {

// A value for a template.
struct Variable {
  std::string value;
  // May be empty; then a section of its name is left out.
  bool optional = false;
  // Of a form that was checked for its place (systemd's limits, JSON in YAML): written as it is.
  bool checked = false;
};

// A section that is repeated.
struct List {
  // What each item has.
  std::vector<std::string> fields;
  std::vector<std::map<std::string, std::string>> items;
  // As of a variable, of all its fields; no other list has fields of these names.
  bool checked = false;
};

// Everything that a template may ask for: what is not here is an error, also where a section that
// is left out asks for it.
struct Values {
  std::map<std::string, Variable> variables;
  std::map<std::string, List> lists;
};

// Longer or deeper templates are refused, and lists in lists: they would grow without a bound.
inline constexpr std::size_t kMaxTemplateBytes = 64U << 10;
inline constexpr std::size_t kMaxSectionDepth = 16;

// path: for messages, such as "template/run_dm-master.sh.tmpl". What is wrong with the template
// goes to problems, one line each, and the answer is then empty.
std::string RenderTemplate(const std::string& path, Kind kind, const std::string& text,
                           const Values& values, std::vector<std::string>* problems);

// Whether a template asks for a variable, or begins a section of that name.
bool AsksFor(const std::string& text, const std::string& name);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_TEMPLATE_H_
