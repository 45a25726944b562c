// The way to dmgrd: one channel, the token on every call.
#ifndef DMGR_CLIENT_CONNECTION_H_
#define DMGR_CLIENT_CONNECTION_H_

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/context/target.h"
#include "common/error.h"

// What only those need who read or write a stream.
namespace grpc {
class Channel;
class ClientContext;
class Status;
}  // namespace grpc

namespace dmgr::client {

// What a connection is made of.
struct ConnectionOptions {
  std::string address;
  // May be empty.
  std::string token{};
  // Certificates to trust, in PEM; empty: plain text, which only this machine gets.
  std::string ca{};
  // Shown to dmgrd over TLS.
  Identity identity{};
  // What to type to log in.
  std::string login = "dmgrctl login --user NAME";
};

// Thread-safe.
class Connection {
 public:
  // Connects at the first call.
  explicit Connection(ConnectionOptions options);
  Connection(std::string address, std::string token)
      : Connection(ConnectionOptions{.address = std::move(address), .token = std::move(token)}) {}
  // One that cannot be made: every call ends with this status and sends nothing.
  explicit Connection(absl::Status refused);

  const std::string& address() const { return options_.address; }
  // For stubs of streams.
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // Adds the token and, unless it is infinite, a deadline.
  void Prepare(grpc::ClientContext* context, absl::Duration timeout) const;

  // Connects, unless it is connected; false when nothing answers there.
  bool Reach();

  // The unary call that takes this request: every method has a request of its own, so the request
  // says which. INTERNAL when it is answered with another message. UNAVAILABLE comes back with
  // advice that names the address. The answer's texts are harmless to print.
  template <typename Response>
  absl::StatusOr<Response> Call(const google::protobuf::Message& request,
                                absl::Duration timeout = absl::Minutes(2)) {
    Response response;
    RETURN_IF_ERROR(CallInto(request, &response, timeout));
    return response;
  }
  absl::Status CallInto(const google::protobuf::Message& request,
                        google::protobuf::Message* response,
                        absl::Duration timeout = absl::Minutes(2));

  // The answers of a list's pages as one, from the page that the request names to the last.
  template <typename Response, typename Request>
  absl::StatusOr<Response> ListAll(Request request) {
    Response all;
    do {
      ASSIGN_OR_RETURN(const Response page, Call<Response>(request));
      all.MergeFrom(page);
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    all.clear_next_page_token();
    return all;
  }

  // To absl::Status, with advice for what only the client knows: how to reach a server, and how to
  // log in.
  absl::Status Explain(const grpc::Status& status) const;

 private:
  absl::Status Unreachable(const absl::Status& status) const;

  const ConnectionOptions options_;
  absl::Status refused_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_CONNECTION_H_
