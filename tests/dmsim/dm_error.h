// Errors in DM's words.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dmsim {

// "[code=46004:class=scheduler:scope=internal:level=medium], Message: ..."
std::string DmError(int code, const std::string& message, const std::string& cause = "",
                    const std::string& workaround = "");
// The same in parts: code, class, scope, level, message, cause, workaround.
nlohmann::json DmErrorParts(int code, const std::string& message, const std::string& cause = "",
                            const std::string& workaround = "");
// {"error": text, "code": number}: how a command of state.h refuses.
nlohmann::json Refuse(int code, const std::string& message, const std::string& workaround = "");
// "[s1 s2]", as Go prints a list.
std::string GoList(const std::vector<std::string>& items);

}  // namespace dmsim
