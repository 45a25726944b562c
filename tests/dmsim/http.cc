#include "http.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <thread>

#include "tls.h"

namespace dmsim {
namespace {

constexpr std::size_t kMaxHeader = 64U << 10;
constexpr std::size_t kMaxBody = 16U << 20;
constexpr auto kIdle = std::chrono::minutes(5);
constexpr auto kHandshake = std::chrono::seconds(10);

std::string Lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

const char* Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 302:
      return "Found";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

std::map<std::string, std::string> ParseHeaders(std::string_view text) {
  std::map<std::string, std::string> headers;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    if (const auto colon = line.find(':'); colon != line.npos) {
      headers[Lower(line.substr(0, colon))] = Trim(line.substr(colon + 1));
    }
    if (end == text.npos) break;
    text.remove_prefix(end + 2);
  }
  return headers;
}

struct Message {
  std::string first_line;
  std::map<std::string, std::string> headers;
  std::string body;
};

std::size_t ContentLength(const Message& message) {
  std::size_t length = 0;
  if (const auto it = message.headers.find("content-length"); it != message.headers.end()) {
    std::from_chars(it->second.data(), it->second.data() + it->second.size(), length);
  }
  return length;
}

// Reads one message; what follows it stays in *buffer.
bool ReadMessage(int fd, bool is_server, Clock::time_point deadline, std::string* buffer,
                 Message* message) {
  std::size_t end;
  while ((end = buffer->find("\r\n\r\n")) == std::string::npos) {
    if (buffer->size() > kMaxHeader || !ReceiveSome(fd, buffer, deadline)) return false;
  }
  const std::string head = buffer->substr(0, end);
  const auto line_end = head.find("\r\n");
  message->first_line = head.substr(0, line_end);
  message->headers =
      line_end == head.npos ? ParseHeaders("") : ParseHeaders(head.substr(line_end + 2));
  buffer->erase(0, end + 4);
  if (is_server && message->headers.contains("expect")) {
    if (!SendAll(fd, "HTTP/1.1 100 Continue\r\n\r\n", deadline)) return false;
  }
  const std::size_t length = ContentLength(*message);
  if (length > kMaxBody) return false;
  while (buffer->size() < length) {
    if (!ReceiveSome(fd, buffer, deadline)) return false;
  }
  message->body = buffer->substr(0, length);
  buffer->erase(0, length);
  return true;
}

void ParseQuery(std::string_view text, std::multimap<std::string, std::string>* query) {
  for (const std::string& pair : Split(text, '&')) {
    const auto equals = pair.find('=');
    const std::string value = equals == pair.npos ? "" : pair.substr(equals + 1);
    query->emplace(UrlDecode(pair.substr(0, equals), true), UrlDecode(value, true));
  }
}

bool ParseRequest(Message message, HttpRequest* request) {
  const auto first = message.first_line.find(' ');
  const auto last = message.first_line.rfind(' ');
  if (first == std::string::npos || last == first) return false;
  request->method = message.first_line.substr(0, first);
  request->target = message.first_line.substr(first + 1, last - first - 1);
  const auto mark = request->target.find('?');
  request->path = UrlDecode(request->target.substr(0, mark), false);
  if (mark != std::string::npos) ParseQuery(request->target.substr(mark + 1), &request->query);
  request->headers = std::move(message.headers);
  request->body = std::move(message.body);
  return true;
}

// A request that a handler cannot digest must not end the process.
HttpResponse Answer(const HttpHandler& handler, const HttpRequest& request) {
  try {
    return handler(request);
  } catch (const std::exception& error) {
    HttpResponse response;
    response.status = 500;
    response.body = error.what();
    return response;
  }
}

std::string Render(const HttpResponse& response, bool with_body, bool keep) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " + Reason(response.status) +
                     "\r\nContent-Type: " + response.content_type +
                     "\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\n";
  for (const auto& [name, value] : response.headers) text += name + ": " + value + "\r\n";
  text += keep ? "\r\n" : "Connection: close\r\n\r\n";
  if (with_body) text += response.body;
  return text;
}

}  // namespace

std::string UrlDecode(std::string_view text, bool plus_is_space) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16).ptr == &text[i + 1] + 2) {
      result += static_cast<char>(value);
      i += 2;
    } else {
      result += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return result;
}

std::string HttpRequest::Header(const std::string& lower_name) const {
  const auto it = headers.find(lower_name);
  return it == headers.end() ? "" : it->second;
}

std::string HttpRequest::Query(const std::string& name) const {
  const auto it = query.find(name);
  return it == query.end() ? "" : it->second;
}

bool HttpServer::Listen(const std::string& address, std::string* error) {
  listener_ = ListenTcp(address, error);
  return listener_.valid();
}

void HttpServer::Serve(HttpHandler handler, ConnectionTaker taker) {
  shared_->http2 = std::move(taker);
  Serve(std::move(handler));
}

void HttpServer::Serve(HttpHandler handler) {
  shared_->handler = std::move(handler);
  std::thread(AcceptLoop, shared_, listener_.fd()).detach();
}

void HttpServer::Stop() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stopped = true;
  if (listener_.valid()) shutdown(listener_.fd(), SHUT_RDWR);
  listener_.Close();
  for (const int fd : shared_->connections) shutdown(fd, SHUT_RDWR);
}

std::optional<Clock::time_point> HttpServer::YoungestSilent() const {
  const std::lock_guard lock(shared_->mutex);
  std::optional<Clock::time_point> youngest;
  for (const auto& [fd, since] : shared_->silent)
    youngest = std::max(since, youngest.value_or(since));
  return youngest;
}

void HttpServer::AcceptLoop(std::shared_ptr<Shared> shared, int listener) {
  while (true) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EMFILE) return;
      std::this_thread::sleep_for(milliseconds(50));
      continue;
    }
    const std::lock_guard lock(shared->mutex);
    if (shared->stopped) {
      close(fd);
      return;
    }
    shared->connections.insert(fd);
    shared->silent[fd] = Clock::now();
    std::thread([shared, fd] { ServeConnection(shared, fd); }).detach();
  }
}

// The plain end of a connection, in the place of the one that was accepted; -1: there is none.
int HttpServer::Unsealed(const std::shared_ptr<Shared>& shared, int fd) {
  if (!HasTls()) return fd;
  std::string error;
  Socket plain = BeginTls(fd, "", Clock::now() + kHandshake, &error);
  const std::lock_guard lock(shared->mutex);
  const Clock::time_point since = shared->silent[fd];
  shared->connections.erase(fd);
  shared->silent.erase(fd);
  close(fd);
  if (!plain.valid() || shared->stopped) return -1;
  shared->connections.insert(plain.fd());
  shared->silent[plain.fd()] = since;
  return plain.Release();
}

void HttpServer::ServeConnection(const std::shared_ptr<Shared>& shared, int accepted) {
  const int fd = Unsealed(shared, accepted);
  if (fd < 0) return;
  if (shared->http2 && BeginsWith(fd, "PRI * HTTP/2.0", Clock::now() + kIdle)) {
    {
      const std::lock_guard lock(shared->mutex);
      shared->connections.erase(fd);
      shared->silent.erase(fd);
      if (shared->stopped) return static_cast<void>(close(fd));
    }
    return shared->http2(fd);
  }
  std::string buffer;
  while (true) {
    Message message;
    HttpRequest request;
    if (!ReadMessage(fd, true, Clock::now() + kIdle, &buffer, &message)) break;
    if (!ParseRequest(std::move(message), &request)) break;
    request.fd = fd;
    {
      const std::lock_guard lock(shared->mutex);
      shared->silent.erase(fd);
    }
    const bool keep = Lower(request.Header("connection")) != "close";
    const HttpResponse response = Answer(shared->handler, request);
    const std::string text = Render(response, request.method != "HEAD", keep);
    if (!SendAll(fd, text, Clock::now() + std::chrono::seconds(30)) || !keep) break;
  }
  const std::lock_guard lock(shared->mutex);
  shared->connections.erase(fd);
  shared->silent.erase(fd);
  close(fd);
}

HttpResult HttpConnection::Call(const std::string& method, const std::string& target,
                                const std::string& body, milliseconds timeout,
                                const std::vector<std::string>& extra_headers) {
  const auto deadline = Clock::now() + timeout;
  std::string request = method + " " + target + " HTTP/1.1\r\nHost: " + address_ + "\r\n";
  for (const std::string& line : extra_headers) request += line + "\r\n";
  if (!body.empty()) request += "Content-Type: application/json\r\n";
  request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  // A kept connection may have died with the server's last process: then one fresh try.
  const bool was_open = socket_.valid();
  HttpResult result = CallOnce(request, deadline);
  if (result.status == 0 && was_open && Clock::now() < deadline) {
    result = CallOnce(request, deadline);
  }
  return result;
}

HttpResult HttpConnection::CallOnce(const std::string& request, Clock::time_point deadline) {
  HttpResult result;
  if (!socket_.valid()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    socket_ = ConnectTcp(address_, left, &result.error);
    if (!socket_.valid()) return result;
  }
  Message message;
  std::string buffer;
  if (!SendAll(socket_.fd(), request, deadline) ||
      !ReadMessage(socket_.fd(), false, deadline, &buffer, &message)) {
    socket_.Close();
    result.error = Clock::now() < deadline ? "EOF" : "i/o timeout";
    return result;
  }
  const auto space = message.first_line.find(' ');
  if (space != std::string::npos) result.status = std::atoi(message.first_line.c_str() + space);
  result.content_type = message.headers["content-type"];
  result.body = std::move(message.body);
  if (Lower(message.headers["connection"]) == "close") socket_.Close();
  return result;
}

HttpResult HttpCall(const std::string& address, const std::string& method,
                    const std::string& target, const std::string& body, milliseconds timeout,
                    const std::vector<std::string>& extra_headers) {
  HttpConnection connection(address);
  std::vector<std::string> headers = extra_headers;
  headers.emplace_back("Connection: close");
  return connection.Call(method, target, body, timeout, headers);
}

}  // namespace dmsim
