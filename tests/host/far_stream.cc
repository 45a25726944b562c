#include "tests/host/far_stream.h"

#include <catch2/catch.hpp>

namespace dmgr::test {

FarStream::FarStream(const TempRoot& root, hv1::Begin::Mode mode) : far_(root) {
  REQUIRE(far_.TakeHello() == "DMGR-HOST/1\n");
  hv1::ToHost begin;
  begin.mutable_begin()->set_mode(mode);
  REQUIRE(far_.Call(begin).has_begin());
}

void FarStream::Start(hv1::ToHost request) {
  texts_.clear();
  bytes_ = 0;
  request.set_id(++id_);
  far_.Send(request);
}

std::optional<hv1::FromHost> FarStream::Next(bool passed_on) {
  auto message = far_.Receive();
  REQUIRE(message.has_value());
  if (message->has_pong()) return std::nullopt;
  REQUIRE(message->id() == id_);
  if (message->has_file_start()) file_start_ = message->file_start();
  if (message->has_file_start()) return std::nullopt;
  if (!message->has_piece()) return message;
  texts_[message->piece().source()] += message->piece().data();
  bytes_ += message->piece().data().size();
  if (passed_on) PassOn();
  return std::nullopt;
}

void FarStream::PassOn() {
  hv1::ToHost taken;
  taken.set_id(id_);
  taken.mutable_taken()->set_bytes(bytes_);
  far_.Send(taken);
}

void FarStream::ReadUntil(const std::function<bool()>& enough) {
  while (!enough()) REQUIRE_FALSE(Next().has_value());
}

hv1::FromHost FarStream::ReadToEnd() {
  while (true) {
    if (auto answer = Next()) return *answer;
  }
}

hv1::FromHost FarStream::Cancel() {
  hv1::ToHost cancel;
  cancel.set_id(id_);
  cancel.mutable_cancel();
  far_.Send(cancel);
  return ReadToEnd();
}

hv1::ToHost LogsOf(const std::string& path) {
  hv1::ToHost request;
  request.mutable_stream_logs()->add_sources()->set_path(path);
  return request;
}

}  // namespace dmgr::test
