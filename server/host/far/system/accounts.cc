#include "server/host/far/system/accounts.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxDatabase = 16U << 20;
constexpr milliseconds kGetentTimeout{10000};

using Fields = std::vector<std::string>;

Fields Split(const std::string& line, char separator = ':') {
  Fields fields;
  for (std::size_t at = 0; at <= line.size();) {
    const std::size_t end = std::min(line.find(separator, at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return fields;
}

std::string Database(const Tree& tree, const std::string& path) {
  const auto entry = tree.FindEntry(path);
  return entry.has_value() ? ReadFile(*entry, kMaxDatabase).value_or("") : "";
}

// The first line whose field has that value.
Fields FindLine(const std::string& text, std::size_t field, const std::string& value) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    Fields fields = Split(text.substr(at, end - at));
    if (fields.size() > field && fields[field] == value) return fields;
    at = end + 1;
  }
  return {};
}

std::string NameOf(const Tree& tree, const std::string& database, std::uint32_t id) {
  const Fields fields = FindLine(Database(tree, database), 2, std::to_string(id));
  return fields.empty() ? std::to_string(id) : CleanText(fields[0]);
}

std::optional<std::uint32_t> Id(const std::string& text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

Fields Look(Context& context, const char* database, const std::string& name) {
  CheckAccountName(name);
  const Fields fields = FindLine(Database(context.tree, std::string("/etc/") + database), 0, name);
  if (!fields.empty() || !context.programs.Has("getent")) return fields;
  ProgramOptions options;
  options.timeout = kGetentTimeout;
  // Status 2: not found.
  const ProgramResult found =
      context.programs.Run(context.call, {"getent", database, name}, options);
  return found.exit_status == 0 ? FindLine(found.out, 0, name) : Fields{};
}

}  // namespace

std::optional<User> FindUser(Context& context, const std::string& name) {
  const Fields fields = Look(context, "passwd", name);
  if (fields.size() < 7) return std::nullopt;
  const auto id = Id(fields[2]);
  const auto group = Id(fields[3]);
  if (!id.has_value() || !group.has_value()) return std::nullopt;
  return User{name, *id, *group, fields[5]};
}

std::optional<gid_t> FindGroup(Context& context, const std::string& name) {
  const Fields fields = Look(context, "group", name);
  return fields.size() < 3 ? std::nullopt : std::optional<gid_t>(Id(fields[2]));
}

bool IsMember(Context& context, const User& user, const std::string& group) {
  const Fields fields = Look(context, "group", group);
  if (fields.size() < 3) return false;
  if (Id(fields[2]) == user.group) return true;
  if (fields.size() < 4) return false;
  const Fields names = Split(fields[3], ',');
  return std::find(names.begin(), names.end(), user.name) != names.end();
}

std::vector<gid_t> GroupsOf(const Tree& tree, const std::string& user) {
  std::vector<gid_t> groups;
  const std::string text = Database(tree, "/etc/group");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const Fields fields = Split(text.substr(at, end - at));
    at = end + 1;
    if (fields.size() < 4) continue;
    const auto id = Id(fields[2]);
    const Fields members = Split(fields[3], ',');
    if (id.has_value() && std::find(members.begin(), members.end(), user) != members.end()) {
      groups.push_back(*id);
    }
  }
  return groups;
}

User GetUser(Context& context, const std::string& name) {
  auto user = FindUser(context, name);
  if (user.has_value()) return *std::move(user);
  throw Failed(hv1::Failure::KIND_NOT_FOUND, "the host has no user " + name);
}

FileOwner OwnerOf(Context& context, const std::string& user, const std::string& group) {
  if (user == "root" && (group == "root" || group.empty())) return context.tree.root();
  const User found = GetUser(context, user);
  FileOwner owner{found.id, found.group};
  if (group.empty()) return owner;
  const auto found_group = FindGroup(context, group);
  if (!found_group.has_value()) {
    throw Failed(hv1::Failure::KIND_NOT_FOUND, "the host has no group " + group);
  }
  owner.group = *found_group;
  return owner;
}

std::string UserName(const Tree& tree, uid_t id) { return NameOf(tree, "/etc/passwd", id); }

std::string GroupName(const Tree& tree, gid_t id) { return NameOf(tree, "/etc/group", id); }

}  // namespace dmgr::far
