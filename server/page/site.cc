#include "server/page/site.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <utility>

#include "common/error.h"
#include "common/grpc_status.h"
#include "common/utf8.h"
#include "dmgr/v1/auth_service.grpc.pb.h"
#include "dmgr/v1/cluster_service.grpc.pb.h"
#include "dmgr/v1/operation_service.grpc.pb.h"
#include "dmgr/v1/task_service.grpc.pb.h"
#include "server/page/views.h"
#include "server/rpc/own_calls.h"
#include "templates/page_files.h"

namespace dmgr::page {
namespace {

// Of one call; a page makes three at most. A status asks hosts, for ten seconds or so.
constexpr auto kAnswerTime = std::chrono::seconds(20);
constexpr int kListPage = 100;
constexpr int kMostClusters = 1000;
// Seconds. What asks the database only is asked more often than what asks DM, or hosts.
constexpr int kOperationPeriod = 1;
constexpr int kListPeriod = 3;
constexpr int kTasksPeriod = 5;
constexpr int kHostsPeriod = 20;
constexpr std::size_t kMaxToken = 512;
constexpr char kLanguageCookie[] = "dmgr_lang";

std::string ValueAt(const std::map<std::string, std::string>& values, const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? "" : found->second;
}

Language LanguageOf(const HttpRequest& request) {
  for (const std::string& code :
       {ValueAt(request.query, "lang"), ValueAt(request.cookies, kLanguageCookie)}) {
    if (const auto language = ParseLanguage(code); language.has_value()) return *language;
  }
  return WantedLanguage(request.accept_language);
}

// Nothing is loaded from elsewhere, no script or style stands in a page, and no other page has it
// in a frame.
void Harden(HttpResponse* response) {
  response->headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action "
      "'self'; base-uri 'none'; frame-ancestors 'none'");
  response->headers.emplace_back("X-Content-Type-Options", "nosniff");
  response->headers.emplace_back("X-Frame-Options", "DENY");
  response->headers.emplace_back("Referrer-Policy", "same-origin");
  response->headers.emplace_back("Cache-Control", "no-store");
}

HttpResponse Redirect(const std::string& to) {
  HttpResponse response{.status = 303};
  response.headers.emplace_back("Location", to);
  return response;
}

HttpResponse Html(int status, std::string body) {
  return {.status = status, .body = std::move(body)};
}

int HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return 503;
    default:
      return 500;
  }
}

// A form of another site would have its origin, or none at all ("null").
bool IsFromHere(const HttpRequest& request) {
  if (request.origin.empty()) return true;
  const auto scheme = request.origin.find("://");
  return scheme != std::string::npos && request.origin.substr(scheme + 3) == request.host;
}

// What is no token ends here: metadata that gRPC does not send would end dmgrd.
std::string TokenOf(const std::string& cookie) {
  const bool is_plain =
      cookie.size() <= kMaxToken && std::all_of(cookie.begin(), cookie.end(), [](unsigned char c) {
        return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.');
      });
  return is_plain ? cookie : "";
}

// UTF-8.
bool IsText(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

absl::Status NoSuchPage(const std::string& path) {
  return absl::NotFoundError(ToAbsl(fmt::format("there is no {} here", path)));
}

// One call of the API, by who looks.
template <typename Stub, typename Request, typename Response>
absl::Status Ask(Stub* stub,
                 grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                 const std::string& token, const std::string& peer, const Request& request,
                 Response* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kAnswerTime);
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  context.AddMetadata(rpc::kOnBehalfOf, rpc::OnBehalfOf(peer));
  return FromGrpcStatus((stub->*method)(&context, request, response));
}

}  // namespace

struct Site::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& api)
      : auth(api), clusters(api), operations(api), tasks(api) {}

  v1::AuthService::Stub auth;
  v1::ClusterService::Stub clusters;
  v1::OperationService::Stub operations;
  v1::TaskService::Stub tasks;
};

Site::Site(const std::shared_ptr<grpc::Channel>& api, bool is_tls)
    : stubs_(std::make_unique<Stubs>(api)), is_tls_(is_tls) {}
Site::~Site() = default;

const char* Site::CookieName() const { return is_tls_ ? "__Host-dmgr_session" : "dmgr_session"; }

std::string Site::SessionCookie(const std::string& token) const {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict{}{}", CookieName(), token,
                     is_tls_ ? "; Secure" : "", token.empty() ? "; Max-Age=0" : "");
}

HttpResponse Site::Answer(const HttpRequest& request) const {
  const Visit visit{request, LanguageOf(request), TokenOf(ValueAt(request.cookies, CookieName()))};
  HttpResponse response = Dispatch(visit);
  if (ParseLanguage(ValueAt(request.query, "lang")).has_value()) {
    response.headers.emplace_back(
        "Set-Cookie", fmt::format("{}={}; Path=/; HttpOnly; SameSite=Lax{}", kLanguageCookie,
                                  CodeOf(visit.language), is_tls_ ? "; Secure" : ""));
  }
  Harden(&response);
  return response;
}

HttpResponse Site::Dispatch(const Visit& visit) const {
  const std::string& path = visit.request.path;
  const std::string& method = visit.request.method;
  // Neither the API nor HTML takes what is no text.
  if (!IsText(path)) return Html(400, "");
  if (method == "POST") {
    if (!IsFromHere(visit.request)) return Html(403, "");
    if (path == "/login") return LogIn(visit);
    if (path == "/logout") return LogOut(visit);
    return Html(405, "");
  }
  if (method != "GET" && method != "HEAD") return Html(405, "");
  if (path == "/page.css") {
    return {.type = "text/css; charset=utf-8",
            .body = std::string(templates::PageFile("page.css"))};
  }
  if (path == "/page.js") {
    return {.type = "text/javascript; charset=utf-8",
            .body = std::string(templates::PageFile("page.js"))};
  }
  // There is none, which is nothing that went wrong.
  if (path == "/favicon.ico") return Html(204, "");
  if (path == "/login") {
    return Html(200,
                InFrame({.language = visit.language, .title = WordsIn(visit.language).at("log_in")},
                        LoginPart(visit.language, "")));
  }
  return Show(visit);
}

HttpResponse Site::Show(const Visit& visit) const {
  const bool is_part = IsAsked(visit, "part");
  if (visit.token.empty()) return is_part ? Html(401, "") : Redirect("/login");
  v1::WhoAmIResponse who;
  if (!is_part) {
    const absl::Status known = Ask(&stubs_->auth, &v1::AuthService::Stub::WhoAmI, visit.token,
                                   visit.request.peer, v1::WhoAmIRequest(), &who);
    if (!known.ok()) return ShowError(visit, known, "");
  }
  const auto part = PartOf(visit);
  if (!part.ok()) return ShowError(visit, part.status(), who.user().name());
  if (is_part) return Html(200, part->html);
  return Html(200, InFrame({.language = visit.language,
                            .title = part->title,
                            .user = who.user().name(),
                            .period = part->period},
                           part->html));
}

HttpResponse Site::ShowError(const Visit& visit, const absl::Status& status,
                             const std::string& user) const {
  const bool is_part = IsAsked(visit, "part");
  if (absl::IsUnauthenticated(status)) {
    HttpResponse response = is_part ? Html(401, "") : Redirect("/login");
    response.headers.emplace_back("Set-Cookie", SessionCookie(""));
    return response;
  }
  const std::string html = ErrorPart(visit.language, status);
  HttpResponse response =
      Html(HttpStatusOf(status), is_part ? html
                                         : InFrame({.language = visit.language,
                                                    .title = WordsIn(visit.language).at("refused"),
                                                    .user = user},
                                                   html));
  if (absl::IsResourceExhausted(status)) response.headers.emplace_back("Retry-After", "1");
  return response;
}

HttpResponse Site::LogIn(const Visit& visit) const {
  const auto fields = ParseForm(visit.request.body.text());
  v1::LoginRequest request;
  if (const auto user = fields.find("user"); user != fields.end()) {
    request.set_user_name(user->second.text());
  }
  if (const auto password = fields.find("password"); password != fields.end()) {
    request.set_password(password->second.text());
  }
  if (!IsText(request.user_name()) || !IsText(request.password())) return Html(400, "");
  v1::LoginResponse response;
  const absl::Status status =
      Ask(&stubs_->auth, &v1::AuthService::Stub::Login, "", visit.request.peer, request, &response);
  Wipe(request.mutable_password());
  if (!status.ok()) {
    HttpResponse refused =
        Html(HttpStatusOf(status),
             InFrame({.language = visit.language, .title = WordsIn(visit.language).at("log_in")},
                     LoginPart(visit.language, std::string(Message(status)))));
    if (absl::IsResourceExhausted(status)) refused.headers.emplace_back("Retry-After", "1");
    return refused;
  }
  HttpResponse in = Redirect("/");
  in.headers.emplace_back("Set-Cookie", SessionCookie(response.session().token()));
  Wipe(response.mutable_session()->mutable_token());
  return in;
}

HttpResponse Site::LogOut(const Visit& visit) const {
  if (!visit.token.empty()) {
    v1::LogoutResponse ignored;
    const absl::Status status = Ask(&stubs_->auth, &v1::AuthService::Stub::Logout, visit.token,
                                    visit.request.peer, v1::LogoutRequest(), &ignored);
    if (!status.ok() && !absl::IsUnauthenticated(status)) return ShowError(visit, status, "");
  }
  HttpResponse out = Redirect("/login");
  out.headers.emplace_back("Set-Cookie", SessionCookie(""));
  return out;
}

bool Site::IsAsked(const Visit& visit, const char* name) {
  return !ValueAt(visit.request.query, name).empty();
}

absl::StatusOr<Site::Part> Site::PartOf(const Visit& visit) const {
  constexpr std::string_view kCluster = "/clusters/";
  constexpr std::string_view kOperation = "/operations/";
  const std::string& path = visit.request.path;
  if (path == "/") return Clusters(visit);
  if (path == "/operations") return Operations(visit);
  if (path == "/tasks") return Tasks(visit);
  if (path.starts_with(kCluster)) {
    const std::string name = path.substr(kCluster.size());
    // Nobody sits before an empty window because a host is dead: the script fetches the rest.
    const bool is_whole = IsAsked(visit, "part") || IsAsked(visit, "whole");
    return is_whole ? Cluster(visit, name) : ClusterAwaited(visit, name);
  }
  if (path.starts_with(kOperation)) return Operation(visit, path.substr(kOperation.size()));
  return NoSuchPage(path);
}

absl::StatusOr<Site::Part> Site::Clusters(const Visit& visit) const {
  v1::ListClustersRequest request;
  request.set_page_size(kMostClusters);
  request.set_with_health(true);
  v1::ListClustersResponse response;
  RETURN_IF_ERROR(Ask(&stubs_->clusters, &v1::ClusterService::Stub::ListClusters, visit.token,
                      visit.request.peer, request, &response));
  return Part{WordsIn(visit.language).at("clusters"), ClustersPart(visit.language, response),
              kListPeriod};
}

absl::StatusOr<Site::Part> Site::ClusterAwaited(const Visit& visit, const std::string& name) const {
  v1::GetClusterRequest request;
  request.set_cluster_name(name);
  request.set_view(v1::CLUSTER_VIEW_BASIC);
  v1::GetClusterResponse response;
  RETURN_IF_ERROR(Ask(&stubs_->clusters, &v1::ClusterService::Stub::GetCluster, visit.token,
                      visit.request.peer, request, &response));
  return Part{name, ClusterAwaitedPart(visit.language, response.cluster()), kHostsPeriod};
}

absl::StatusOr<Site::Part> Site::Cluster(const Visit& visit, const std::string& name) const {
  v1::GetClusterStatusRequest asked;
  asked.set_cluster_name(name);
  v1::GetClusterStatusResponse status;
  RETURN_IF_ERROR(Ask(&stubs_->clusters, &v1::ClusterService::Stub::GetClusterStatus, visit.token,
                      visit.request.peer, asked, &status));
  v1::ListTasksRequest of_tasks;
  of_tasks.set_cluster_name(name);
  of_tasks.set_page_size(kListPage);
  of_tasks.set_without_config(true);
  v1::ListTasksResponse tasks;
  const absl::Status listed = Ask(&stubs_->tasks, &v1::TaskService::Stub::ListTasks, visit.token,
                                  visit.request.peer, of_tasks, &tasks);
  // What is known of the hosts is shown all the same.
  if (!listed.ok()) (*tasks.mutable_unreached_clusters())[name] = std::string(Message(listed));
  v1::ListOperationsRequest of_operations;
  of_operations.set_cluster_name(name);
  of_operations.set_page_size(10);
  v1::ListOperationsResponse operations;
  RETURN_IF_ERROR(Ask(&stubs_->operations, &v1::OperationService::Stub::ListOperations, visit.token,
                      visit.request.peer, of_operations, &operations));
  return Part{name, ClusterPart(visit.language, status, tasks, operations), kHostsPeriod};
}

absl::StatusOr<Site::Part> Site::Operations(const Visit& visit) const {
  v1::ListOperationsRequest request;
  request.set_page_size(kListPage);
  v1::ListOperationsResponse response;
  RETURN_IF_ERROR(Ask(&stubs_->operations, &v1::OperationService::Stub::ListOperations, visit.token,
                      visit.request.peer, request, &response));
  return Part{WordsIn(visit.language).at("operations"), OperationsPart(visit.language, response),
              kListPeriod};
}

absl::StatusOr<Site::Part> Site::Operation(const Visit& visit, const std::string& id) const {
  v1::GetOperationRequest request;
  request.set_operation_id(id);
  v1::GetOperationResponse response;
  RETURN_IF_ERROR(Ask(&stubs_->operations, &v1::OperationService::Stub::GetOperation, visit.token,
                      visit.request.peer, request, &response));
  return Part{WordsIn(visit.language).at("operation"),
              OperationPart(visit.language, response.operation()), kOperationPeriod};
}

absl::StatusOr<Site::Part> Site::Tasks(const Visit& visit) const {
  v1::ListTasksRequest request;
  request.set_page_size(kMostClusters);
  request.set_without_config(true);
  v1::ListTasksResponse response;
  RETURN_IF_ERROR(Ask(&stubs_->tasks, &v1::TaskService::Stub::ListTasks, visit.token,
                      visit.request.peer, request, &response));
  return Part{WordsIn(visit.language).at("tasks"), TasksPart(visit.language, response),
              kTasksPeriod};
}

}  // namespace dmgr::page
