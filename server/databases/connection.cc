#include "server/databases/connection.h"

#include <fmt/format.h>
#include <mysql.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "common/address.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "common/thread_pool.h"
#include "common/utf8.h"
#include "server/databases/watch.h"

// Of the library, which has no header for it.
extern "C" int ma_pvio_register_callback(my_bool registers,
                                         void (*callback)(int mode, MYSQL* mysql,
                                                          const unsigned char* buffer,
                                                          std::size_t length));

namespace dmgr::databases {
namespace {

constexpr std::size_t kMaxPacket = 1 << 20;
constexpr std::size_t kMaxShownText = 500;
constexpr unsigned kMaxWait = 30;
// After the deadline all but looking up a name has ended, by the library's whole seconds.
constexpr absl::Duration kLooking = absl::Seconds(2);
// Those that do not send a password as it is.
constexpr char kLogins[] = "mysql_native_password,caching_sha2_password,client_ed25519";

// Of the connection that this thread is at work with.
thread_local Watch* thread_watch = nullptr;

class AtWork {
 public:
  explicit AtWork(Watch* watch) : former_(std::exchange(thread_watch, watch)) { watch->Begin(); }
  ~AtWork() { thread_watch = former_; }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;

 private:
  Watch* const former_;
};

// The library calls it after each read and write, also of TLS; `length` is -1 after one that
// failed.
void SeeIo(int mode, MYSQL* mysql, const unsigned char*, std::size_t length) {
  if (mode != 0 || thread_watch == nullptr) return;
  const auto read = static_cast<std::ptrdiff_t>(length);
  if (read > 0) thread_watch->Read(mysql_get_socket(mysql), length);
}

// Called before each wait: a server that sends a byte now and then does not live longer either.
int WaitForIo(my_socket socket, my_bool is_read, int timeout_ms) {
  const auto left = absl::ToInt64Milliseconds(thread_watch->deadline() - SteadyNow());
  if (left <= 0) return 0;
  int wait = static_cast<int>(std::min<std::int64_t>(left, kMaxWait * 1000));
  if (timeout_ms > 0) wait = std::min(wait, timeout_ms);
  pollfd waiter{
      .fd = socket, .events = static_cast<short>(is_read ? POLLIN : POLLOUT), .revents = 0};
  return poll(&waiter, 1, wait);
}

// A PEM as the file that the library wants, which is in memory alone.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& text) {
    if (text.empty()) return;
    fd_ = memfd_create("pem", MFD_CLOEXEC);
    if (fd_ < 0) return;
    std::size_t at = 0;
    while (at < text.size()) {
      const ssize_t n = write(fd_, text.data() + at, text.size() - at);
      if (n <= 0) break;
      at += static_cast<std::size_t>(n);
    }
    path_ = fmt::format("/proc/self/fd/{}", fd_);
  }
  ~MemoryFile() {
    if (fd_ >= 0) close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  const char* path() const { return path_.empty() ? nullptr : path_.c_str(); }

 private:
  int fd_ = -1;
  std::string path_;
};

bool IsLogin(unsigned code) {
  // Access denied; to a database; host not allowed; blocked; no such way to log in; expired;
  // locked.
  constexpr unsigned kCodes[] = {1044, 1045, 1129, 1130, 1251, 1698, 1820, 1862, 2059, 3118, 4151};
  return std::ranges::find(kCodes, code) != std::end(kCodes);
}

}  // namespace

struct Connection::Handle {
  explicit Handle(absl::Time deadline) : watch(deadline) {}
  ~Handle() {
    const AtWork working(&watch);
    if (mysql != nullptr) mysql_close(mysql);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  absl::Status Failed(const std::string& tried) const {
    const unsigned code = mysql_errno(mysql);
    std::string says = fmt::format("{} ({})", OneLine(mysql_error(mysql), kMaxShownText), code);
    if (const char* why = watch.why()) says += fmt::format(", left because {}", why);
    if (IsLogin(code)) {
      return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_LOGIN",
                   "database {} does not let {} in: {}", address, user, says)
          .With("database", address)
          .Remedy("correct user and password, or let the account in from the host of dmgrd");
    }
    // From 2000 on it is the library that found something on this side.
    if (code >= 2000 && code < 3000) {
      return Error(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE", "{} at database {}: {}",
                   tried, address, says)
          .With("database", address)
          .Remedy(
              "see whether it runs, and whether the host of dmgrd reaches it; the dm-workers "
              "may reach it nevertheless");
    }
    return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_REFUSED", "{} at database {}: {}",
                 tried, address, says)
        .With("database", address)
        .Remedy("see what the database says");
  }

  MYSQL* mysql = nullptr;
  std::string address;
  std::string user;
  Watch watch;
};

Connection::Connection(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

absl::StatusOr<Connection> Connection::Open(const Account& account, absl::Time deadline) {
  if (IsIpAddress(account.host)) return OpenNow(account, deadline);
  // The library gets the name, not an address: the database's certificate is checked by it.
  struct Opening {
    Account account;
    std::optional<absl::StatusOr<Connection>> opened{};
  };
  const auto opening = std::make_shared<Opening>(Opening{.account = account});
  ASSIGN_OR_RETURN(
      const bool has_ended,
      RunAside([opening, deadline] { opening->opened = OpenNow(opening->account, deadline); },
               [deadline] { return SteadyNow() > deadline + kLooking; }));
  if (has_ended) return *std::move(opening->opened);
  return Error(absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE",
               "log in as {} at database {}: its name was not looked up in time", account.user,
               JoinHostPort(account.host, account.port))
      .With("database", JoinHostPort(account.host, account.port))
      .Remedy("see that the name servers of dmgrd's host answer, or give an address");
}

absl::StatusOr<Connection> Connection::OpenNow(const Account& account, absl::Time deadline) {
  static std::once_flag begun;
  std::call_once(begun, [] {
    mysql_library_init(0, nullptr, nullptr);
    ma_pvio_register_callback(1, SeeIo);
  });
  auto handle = std::make_unique<Handle>(deadline);
  handle->address = JoinHostPort(account.host, account.port);
  handle->user = account.user;
  const AtWork working(&handle->watch);
  handle->mysql = mysql_init(nullptr);
  if (handle->mysql == nullptr) return absl::ResourceExhaustedError("no memory for a connection");
  MYSQL* mysql = handle->mysql;

  const auto left = absl::ToInt64Seconds(deadline - SteadyNow());
  const unsigned seconds = static_cast<unsigned>(std::clamp<std::int64_t>(left, 1, kMaxWait));
  const unsigned off = 0;
  const my_bool yes = 1;
  const std::size_t most = kMaxPacket;
  for (const auto option :
       {MYSQL_OPT_CONNECT_TIMEOUT, MYSQL_OPT_READ_TIMEOUT, MYSQL_OPT_WRITE_TIMEOUT}) {
    mysql_optionsv(mysql, option, &seconds);
  }
  mysql_optionsv(mysql, MYSQL_OPT_LOCAL_INFILE, &off);
  mysql_optionsv(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &most);
  mysql_optionsv(mysql, MARIADB_OPT_RESTRICTED_AUTH, kLogins);
  // The function itself, not where a pointer to it is.
  mysql_optionsv(mysql, MARIADB_OPT_IO_WAIT, reinterpret_cast<const void*>(&WaitForIo));
  const unsigned protocol = MYSQL_PROTOCOL_TCP;
  mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &protocol);

  const MemoryFile ca(account.ca);
  const MemoryFile certificate(account.certificate);
  const MemoryFile key(account.key);
  if (!account.ca.empty()) {
    mysql_ssl_set(mysql, key.path(), certificate.path(), ca.path(), nullptr, nullptr);
    mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  }
  const bool connected =
      mysql_real_connect(mysql, account.host.c_str(), account.user.c_str(),
                         account.password.c_str(), nullptr, static_cast<unsigned>(account.port),
                         nullptr, 0) != nullptr;
  if (!connected) return handle->Failed(fmt::format("log in as {}", account.user));
  return Connection(std::move(handle));
}

absl::StatusOr<std::vector<Row>> Connection::Ask(const std::string& statement) {
  MYSQL* mysql = handle_->mysql;
  const AtWork working(&handle_->watch);
  if (mysql_real_query(mysql, statement.data(), statement.size()) != 0) {
    return handle_->Failed(statement);
  }
  MYSQL_RES* result = mysql_use_result(mysql);
  if (result == nullptr) {
    if (mysql_errno(mysql) != 0) return handle_->Failed(statement);
    return std::vector<Row>();
  }
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> owned(result, mysql_free_result);
  const unsigned columns = mysql_num_fields(result);
  std::vector<Row> rows;
  while (MYSQL_ROW values = mysql_fetch_row(result)) {
    // What comes beyond is read to its end when the result is freed, as far as the watch lets it.
    if (rows.size() == kMaxRows) return rows;
    const unsigned long* lengths = mysql_fetch_lengths(result);
    Row& row = rows.emplace_back();
    for (unsigned i = 0; i < columns; ++i) {
      const std::size_t length =
          values[i] == nullptr ? 0 : std::min<std::size_t>(lengths[i], kMaxValue);
      row.emplace_back(values[i] == nullptr ? "" : values[i], length);
    }
  }
  if (mysql_errno(mysql) != 0) return handle_->Failed(statement);
  return rows;
}

}  // namespace dmgr::databases
