#include "server/page/words.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/error.h"

namespace dmgr::page {
namespace {

struct PageWord {
  const char* name;
  const char* english;
  const char* chinese;
};

constexpr PageWord kPageWords[] = {
    {"asking", "its hosts are asked", "正在询问其主机"},
    {"begun", "Begun", "开始时间"},
    {"behind", "Hosts left out", "被跳过的主机"},
    {"by", "By", "发起人"},
    {"caught_up", "caught up", "已追平"},
    {"cluster", "Cluster", "集群"},
    {"clusters", "Clusters", "集群"},
    {"component", "Component", "组件"},
    {"ended", "Ended", "结束时间"},
    {"health", "Health", "健康状态"},
    {"healthy", "healthy", "健康"},
    {"host", "Host", "主机"},
    {"instance", "Instance", "实例"},
    {"instances", "Instances", "实例数"},
    {"lag", "Lag", "延迟"},
    {"left_out", "left out", "已跳过"},
    {"log_in", "Log in", "登录"},
    {"log_out", "Log out", "退出"},
    {"name", "Name", "名称"},
    {"not_healthy", "not healthy", "不健康"},
    {"not_known", "not known yet", "尚不清楚"},
    {"nothing", "There is nothing here.", "这里没有内容。"},
    {"operation", "Operation", "操作"},
    {"operations", "Operations", "操作"},
    {"password", "Password", "密码"},
    {"progress", "Progress", "进度"},
    {"read_only", "This page shows; it changes nothing.", "本页面只供查看，不会更改任何内容。"},
    {"refused", "This cannot be shown", "无法显示"},
    {"role", "Role", "角色"},
    {"rows_per_second", "rows/s", "行/秒"},
    {"source", "Source", "上游数据源"},
    {"stage", "Stage", "阶段"},
    {"state", "State", "状态"},
    {"step", "Step", "步骤"},
    {"task", "Task", "任务"},
    {"tasks", "Tasks", "任务"},
    {"unit", "Unit", "处理单元"},
    {"user", "User", "用户"},
    {"version", "Version", "版本"},
    {"worker", "dm-worker", "dm-worker"},
};

// Words of enums, which are English themselves.
constexpr std::pair<const char*, const char*> kEnumWords[] = {
    {"adopt-source", "接管数据源"},
    {"adopt-task", "接管任务"},
    {"cancelled", "已取消"},
    {"cancelling", "取消中"},
    {"change-table-structure", "更改表结构"},
    {"change-validation", "更改数据校验"},
    {"changing", "变更中"},
    {"check", "检查"},
    {"clean", "清理"},
    {"create-source", "创建数据源"},
    {"create-task", "创建任务"},
    {"delete-source", "删除数据源"},
    {"delete-task", "删除任务"},
    {"deploy", "部署"},
    {"deploying", "部署中"},
    {"destroy", "销毁"},
    {"destroying", "销毁中"},
    {"disable", "取消开机启动"},
    {"disable-tls", "停用 TLS"},
    {"dump", "导出"},
    {"enable", "开机启动"},
    {"enable-tls", "启用 TLS"},
    {"failed", "失败"},
    {"finished", "已完成"},
    {"handle-task-error", "处理任务错误"},
    {"import", "接管集群"},
    {"load", "导入"},
    {"move-machine", "迁移主机"},
    {"offline", "已停止"},
    {"patch", "打补丁"},
    {"pause-task", "暂停任务"},
    {"paused", "已暂停"},
    {"pending", "等待"},
    {"prune", "清除残留成员"},
    {"purge-source-relay", "清除 relay log"},
    {"queued", "排队中"},
    {"rebuild", "重建"},
    {"release", "交还集群"},
    {"reload", "重新加载配置"},
    {"repair", "修复"},
    {"restart", "重启"},
    {"restore", "恢复"},
    {"resume-task", "恢复任务"},
    {"rolled-back", "已回滚"},
    {"rolling-back", "回滚中"},
    {"rotate-key", "更换密钥"},
    {"rotate-tls", "更换证书"},
    {"running", "运行中"},
    {"scale-in", "缩容"},
    {"scale-out", "扩容"},
    {"set-source-relay", "设置 relay"},
    {"skipped", "已跳过"},
    {"start", "启动"},
    {"start-task", "启动任务"},
    {"start-validation", "开始数据校验"},
    {"stop", "停止"},
    {"stop-task", "停止任务"},
    {"stop-validation", "停止数据校验"},
    {"stopped", "已停止"},
    {"succeeded", "成功"},
    {"sync", "增量同步"},
    {"take-over", "正式接管"},
    {"transfer-source", "转移数据源"},
    {"tune", "调整主机参数"},
    {"undone", "已撤销"},
    {"unlock-shard-lock", "解锁 shard DDL"},
    {"up", "运行中"},
    {"update-source", "更新数据源"},
    {"update-task", "更新任务"},
    {"upgrade", "升级"},
};

std::map<std::string, std::string> AllWords(Language language) {
  std::map<std::string, std::string> words;
  for (const PageWord& word : kPageWords) {
    words[word.name] = language == Language::kChinese ? word.chinese : word.english;
  }
  return words;
}

// Of "zh-CN;q=0.9": 0.9; what cannot be read is not wanted.
double WeightOf(absl::string_view part) {
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(part, absl::MaxSplits(";q=", 1));
  double weight = 1;
  if (halves.second.empty()) return weight;
  return absl::SimpleAtod(halves.second, &weight) ? weight : 0;
}

}  // namespace

const char* CodeOf(Language language) { return language == Language::kChinese ? "zh" : "en"; }

std::optional<Language> ParseLanguage(std::string_view code) {
  const std::string lower = absl::AsciiStrToLower(ToAbsl(code.substr(0, 2)));
  const bool is_whole = code.size() == 2 || (code.size() > 2 && code[2] == '-');
  if (!is_whole) return std::nullopt;
  if (lower == "zh") return Language::kChinese;
  if (lower == "en") return Language::kEnglish;
  return std::nullopt;
}

Language WantedLanguage(std::string_view accept_language) {
  Language wanted = Language::kEnglish;
  double most = 0;
  for (absl::string_view part : absl::StrSplit(ToAbsl(accept_language), ',')) {
    part = absl::StripAsciiWhitespace(part);
    const auto language = ParseLanguage(FromAbsl(part.substr(0, part.find(';'))));
    const double weight = WeightOf(part);
    if (!language.has_value() || weight <= most) continue;
    most = weight;
    wanted = *language;
  }
  return wanted;
}

const std::map<std::string, std::string>& WordsIn(Language language) {
  static const auto kInEnglish = AllWords(Language::kEnglish);
  static const auto kInChinese = AllWords(Language::kChinese);
  return language == Language::kChinese ? kInChinese : kInEnglish;
}

std::string Translated(Language language, const std::string& word) {
  if (language == Language::kChinese) {
    for (const auto& [english, chinese] : kEnumWords) {
      if (word == english) return chinese;
    }
    return word;
  }
  std::string text = word;
  std::replace(text.begin(), text.end(), '-', ' ');
  return text;
}

}  // namespace dmgr::page
