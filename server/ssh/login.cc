#include <vector>

#include "server/ssh/handles.h"
#include "server/ssh/remote_text.h"

namespace dmgr::ssh {
namespace {

constexpr std::size_t kMaxBanner = 500;

std::string MethodNames(int methods) {
  const std::pair<int, const char*> kNames[] = {
      {SSH_AUTH_METHOD_PUBLICKEY, "publickey"},
      {SSH_AUTH_METHOD_PASSWORD, "password"},
      {SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"},
      {SSH_AUTH_METHOD_HOSTBASED, "hostbased"},
      {SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic"},
  };
  std::string names;
  for (const auto& [bit, name] : kNames) {
    if ((methods & bit) != 0) names += names.empty() ? name : std::string(", ") + name;
  }
  return names.empty() ? "no method" : names;
}

// Answers a single prompt with the password, once; anything else (a one-time code) is not for us.
int KeyboardInteractive(ssh_session session, const std::string& password, const Limit& limit) {
  constexpr int kMaxRounds = 8;
  bool answered = false;
  const auto ask = [&] {
    return Await(session, limit, SSH_AUTH_AGAIN,
                 [&] { return ssh_userauth_kbdint(session, nullptr, nullptr); });
  };
  int rc = ask();
  for (int round = 0; rc == SSH_AUTH_INFO; ++round) {
    const int prompts = ssh_userauth_kbdint_getnprompts(session);
    if (round == kMaxRounds || prompts > 1 || (prompts == 1 && answered)) return SSH_AUTH_DENIED;
    if (prompts == 1) {
      if (ssh_userauth_kbdint_setanswer(session, 0, password.c_str()) != 0) return SSH_AUTH_ERROR;
      answered = true;
    }
    rc = ask();
  }
  return rc;
}

class Attempt {
 public:
  Attempt(ssh_session session, const Endpoint& endpoint, ssh_key key, const std::string& name,
          const Limit& limit)
      : session_(session), endpoint_(endpoint), key_(key), name_(name), limit_(limit) {}

  absl::Status Run() {
    // Asks for the methods; a host that lets anybody in does it here.
    Try(SSH_AUTH_METHOD_NONE, "", [this] { return ssh_userauth_none(session_, nullptr); });
    if (key_ != nullptr) {
      Try(SSH_AUTH_METHOD_PUBLICKEY, "key " + KeyFingerprint(key_),
          [this] { return ssh_userauth_publickey(session_, nullptr, key_); });
    }
    if (!endpoint_.password.empty()) {
      Try(SSH_AUTH_METHOD_PASSWORD, "password",
          [this] { return ssh_userauth_password(session_, nullptr, endpoint_.password.c_str()); });
      // A wrong password is said once, since accounts are locked after a few: who takes both ways
      // asks for the same one.
      if (!tried_password_) {
        Try(SSH_AUTH_METHOD_INTERACTIVE, "password as keyboard-interactive",
            [this] { return KeyboardInteractive(session_, endpoint_.password, limit_); });
      }
    }
    if (logged_in_) return absl::OkStatus();
    return broken_.ok() ? Refused("") : broken_;
  }

 private:
  template <typename Method>
  void Try(int method, const std::string& description, Method call) {
    if (logged_in_ || !broken_.ok()) return;
    if (method != SSH_AUTH_METHOD_NONE) {
      if ((ssh_userauth_list(session_, nullptr) & method) == 0) return;
      tried_ += tried_.empty() ? description : ", " + description;
    }
    tried_password_ = tried_password_ || method == SSH_AUTH_METHOD_PASSWORD;
    const std::string banner = Banner();
    const int rc = Await(session_, limit_, SSH_AUTH_AGAIN, call);
    const bool has_spoken = Banner() != banner;
    if (rc == SSH_AUTH_SUCCESS) {
      logged_in_ = true;
    } else if (limit_.Cancelled()) {
      broken_ = absl::CancelledError("cancelled");
    } else if (rc == SSH_AUTH_AGAIN) {
      broken_ = Unreachable(name_, "no answer to the login in time");
    } else if (rc == SSH_AUTH_ERROR && has_spoken) {
      // An account that has expired: sshd says so, and hangs up.
      broken_ = Refused(": " + Banner());
    } else if (rc == SSH_AUTH_ERROR) {
      broken_ = Unreachable(name_, "the login broke off: " + LibraryError(session_));
    }
  }

  // What sshd has to say to who logs in; the last of it.
  std::string Banner() const {
    char* text = ssh_get_issue_banner(session_);
    if (text == nullptr) return {};
    std::string banner = RemoteText(text, kMaxBanner);
    ssh_string_free_char(text);
    return banner;
  }

  absl::Status Refused(const std::string& said) const {
    const std::string offered = MethodNames(ssh_userauth_list(session_, nullptr));
    return Error(absl::StatusCode::kUnauthenticated, "SSH_LOGIN_REFUSED",
                 "{} refuses the login of {}{} (tried: {}; the host offers: {})", name_,
                 endpoint_.user, said, tried_.empty() ? "nothing" : tried_, offered)
        .With("host", name_)
        .With("user", endpoint_.user)
        .With("offered", offered)
        .Remedy(
            "check the machine's user and credential, and on the host the user's authorized_keys, "
            "whether the account is locked or has expired or has a shell that is not there, and "
            "sshd's log")
        .Next(v1::ACTION_UPDATE_MACHINE, {{"credential", ""}});
  }

  const ssh_session session_;
  const Endpoint& endpoint_;
  const ssh_key key_;
  const std::string& name_;
  const Limit& limit_;
  bool logged_in_ = false;
  std::string tried_;
  bool tried_password_ = false;
  absl::Status broken_;
};

}  // namespace

absl::Status LogIn(ssh_session session, const Endpoint& endpoint, ssh_key private_key,
                   const std::string& name, const Limit& limit) {
  return Attempt(session, endpoint, private_key, name, limit).Run();
}

}  // namespace dmgr::ssh
