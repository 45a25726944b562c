// A far end that behaves as a test asks: well, or as a broken or hostile host might. What it does
// is the first path of a ReadLogs, or the hash of a ReceiveRelease.
#include <google/protobuf/stubs/common.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "dmgr/host/v1/host.pb.h"

namespace {

using dmgr::host::v1::Failure;
using dmgr::host::v1::FromHost;
using dmgr::host::v1::ToHost;

void WriteAll(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data() + done, bytes.size() - done);
    if (written <= 0) std::exit(1);
    done += static_cast<std::size_t>(written);
  }
}

bool ReadAll(std::string* bytes) {
  for (std::size_t done = 0; done < bytes->size();) {
    const ssize_t got = read(STDIN_FILENO, bytes->data() + done, bytes->size() - done);
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

std::string Frame(const std::string& body) {
  std::string frame;
  for (int i = 0; i < 4; ++i) frame += static_cast<char>(body.size() >> (8 * i) & 0xFF);
  return frame + body;
}

ToHost Receive() {
  std::string header(4, '\0');
  if (!ReadAll(&header)) std::exit(0);
  std::size_t size = 0;
  for (int i = 3; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(header[i]);
  std::string body(size, '\0');
  ToHost message;
  if (!ReadAll(&body) || !message.ParseFromString(body)) std::exit(1);
  return message;
}

// What is not a ping.
ToHost ReceiveRequest() {
  while (true) {
    ToHost message = Receive();
    if (!message.has_ping()) return message;
  }
}

class StandIn {
 public:
  void Serve() {
    while (true) Answer(ReceiveRequest());
  }

 private:
  void Send(const FromHost& message) { WriteAll(Frame(message.SerializeAsString())); }

  FromHost Reply() const {
    FromHost reply;
    reply.set_id(id_);
    return reply;
  }

  void SendText(const std::string& text) {
    FromHost reply = Reply();
    reply.mutable_log_text()->set_text(text);
    Send(reply);
  }

  void SendDone() {
    FromHost reply = Reply();
    reply.mutable_done();
    Send(reply);
  }

  void SendFailure(Failure::Kind kind, const std::string& text, int error_number = 0) {
    FromHost reply = Reply();
    Failure* failure = reply.mutable_failure();
    failure->set_kind(kind);
    failure->set_text(text);
    failure->set_error_number(error_number);
    failure->set_path("/data/one");
    failure->set_program("/usr/bin/systemctl");
    failure->set_exit_status(5);
    failure->set_output(std::string(10000, 'x') + "\x1b[31mlast words");
    Send(reply);
  }

  void Answer(const ToHost& request) {
    id_ = request.id();
    FromHost reply = Reply();
    switch (request.body_case()) {
      case ToHost::kBegin:
        reply.mutable_begin()->set_arch("x86_64");
        reply.mutable_begin()->set_highest_epoch(request.begin().epoch());
        return Send(reply);
      case ToHost::kReadLogs:
        return ReadLogs(request.read_logs());
      case ToHost::kReceiveRelease:
        return ReceiveRelease(request.receive_release());
      case ToHost::kBatch:
        reply.mutable_batch()->add_replies()->mutable_done();
        return Send(reply);
      case ToHost::kGetFacts:
        reply.mutable_facts()->add_free_bytes(1);
        return Send(reply);
      case ToHost::kCancel:
      case ToHost::kReleaseChunk:
      case ToHost::kTaken:
        return;  // Of a request that is over.
      default:
        return SendDone();
    }
  }

  void ReadLogs(const dmgr::host::v1::ReadLogs& request) {
    const std::string& what = request.paths(0);
    if (what == "echo") return SendText(request.paths(1));
    if (what == "obey") return Obey();
    if (what == "finish") return Finish();
    if (what == "ignore") return Ignore();
    if (what == "freeze") raise(SIGSTOP);
    if (what == "await-ping") return AwaitPing();
    if (what == "flood") return Flood();
    if (what == "fail") return SendFailure(Failure::KIND_PROGRAM, "systemctl failed");
    if (what == "fail-strangely") return SendFailure(static_cast<Failure::Kind>(77), "");
    if (what == "errno") {
      return SendFailure(Failure::KIND_SYSTEM, "cannot write /data/one",
                         std::stoi(request.paths(1)));
    }
    if (what == "garbage") return WriteAll(Frame(std::string(100, '\xFF')));
    if (what == "huge") return WriteAll(std::string(1000, '\xFF'));
    if (what == "empty") return WriteAll(std::string(1000, '\0'));
    if (what == "not-utf8") return WriteAll(Frame("\x08\x03\x62\x04\x0a\x02\xC3\x28"));
    if (what == "stream") return Stream(std::stoi(request.paths(1)), /*waits=*/true);
    if (what == "overflow") return Stream(1000, /*waits=*/false);
    if (what == "piece") SendPiece("unasked");
    if (what == "empty-piece") SendPiece("");
    if (what == "starts") {
      FromHost start = Reply();
      start.mutable_file_start()->set_size(1);
      for (int i = 0; i < 2; ++i) Send(start);
    }
    if (what == "wrong-id") ++id_;
    if (what == "twice") SendDone();
    if (what == "exit") {
      std::fputs("out of luck\n", stderr);
      std::exit(3);
    }
    if (what == "crash") raise(SIGKILL);
    SendDone();
  }

  void Obey() {
    while (!ReceiveRequest().has_cancel()) {
    }
    SendFailure(Failure::KIND_CANCELLED, "given up");
  }

  void Finish() {
    while (!ReceiveRequest().has_cancel()) {
    }
    SendText("finished");
  }

  void SendPiece(const std::string& data) {
    FromHost reply = Reply();
    reply.mutable_piece()->set_data(data);
    Send(reply);
  }

  // waits: for what was sent to be passed on, as a far end does.
  void Stream(int pieces, bool waits) {
    const std::string data(64U << 10, 'p');
    std::uint64_t taken = 0;
    for (std::uint64_t sent = 0; pieces > 0; --pieces, sent += data.size()) {
      while (waits && sent + data.size() > taken + (512U << 10)) {
        const ToHost message = ReceiveRequest();
        if (message.has_cancel()) return SendFailure(Failure::KIND_CANCELLED, "given up");
        if (message.has_taken()) taken = message.taken().bytes();
      }
      SendPiece(data);
    }
    SendDone();
  }

  [[noreturn]] void Ignore() {
    while (true) Receive();
  }

  void AwaitPing() {
    while (!Receive().has_ping()) {
    }
    FromHost pong;
    pong.mutable_pong();
    Send(pong);
    SendText("pinged");
  }

  void Flood() {
    FromHost note = Reply();
    note.mutable_note()->set_text(std::string(10000, 'n'));
    for (int i = 0; i < 3000; ++i) Send(note);
    SendDone();
  }

  void ReceiveRelease(const dmgr::host::v1::ReceiveRelease& request) {
    const std::string& what = request.hash();
    FromHost reply = Reply();
    reply.mutable_receive_release()->set_wanted(what != "have");
    Send(reply);
    if (what == "have") return;
    if (what == "freeze") raise(SIGSTOP);
    if (what == "early") return SendDone();
    std::ofstream file(request.store_dir() + "/received", std::ios::binary);
    std::uint64_t done = 0;
    while (true) {
      const ToHost message = ReceiveRequest();
      if (message.has_cancel()) return SendFailure(Failure::KIND_CANCELLED, "given up");
      const std::string& data = message.release_chunk().data();
      file.write(data.data(), static_cast<std::streamsize>(data.size()));
      done += data.size();
      if (what == "full") return SendFailure(Failure::KIND_NO_SPACE, "no space in the store");
      if (message.release_chunk().end()) break;
      FromHost progress = Reply();
      progress.mutable_progress()->set_bytes_done(what == "boast" ? done * 1000 : done);
      Send(progress);
    }
    file.close();
    SendDone();
  }

  std::uint64_t id_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "serve";
  if (how == "noise") WriteAll("Welcome!\nyou have mail");
  if (how == "endless-noise") {
    while (true) WriteAll("Welcome!\n");
  }
  if (how == "silent") pause();
  if (how == "exit") {
    std::fputs("no such luck\n", stderr);
    return 4;
  }
  WriteAll("DMGR-HOST/1\n");
  if (how == "mute") pause();
  StandIn().Serve();
}
