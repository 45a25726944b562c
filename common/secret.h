// A text that is not to stay in memory: a password, a private key.
#ifndef DMGR_COMMON_SECRET_H_
#define DMGR_COMMON_SECRET_H_

#include <string.h>

#include <string>
#include <utility>

namespace dmgr {

// Overwrites all that the string has room for, and leaves it empty.
inline void Wipe(std::string* text) {
  text->resize(text->capacity());
  explicit_bzero(text->data(), text->size());
  text->clear();
}

// Wiped where it ends, is assigned to or is moved from. What its text is copied to is not.
class Secret {
 public:
  Secret() = default;
  // Takes a text over, whose place is wiped.
  Secret(std::string&& value) : text_(value) {
    Wipe(&value);
  }                                                   // NOLINT(google-explicit-constructor)
  Secret(const std::string& value) : text_(value) {}  // NOLINT(google-explicit-constructor)
  Secret(const char* value) : text_(value) {}         // NOLINT(google-explicit-constructor)
  Secret(const Secret& other) = default;
  // A short text lies in the string itself: moving one copies it.
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { Wipe(&other.text_); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      Wipe(&text_);
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Wipe(&text_);
      text_ = std::move(other.text_);
      Wipe(&other.text_);
    }
    return *this;
  }
  ~Secret() { Wipe(&text_); }

  const std::string& text() const { return text_; }
  operator const std::string&() const { return text_; }  // NOLINT(google-explicit-constructor)
  bool empty() const { return text_.empty(); }
  std::size_t size() const { return text_.size(); }
  const char* c_str() const { return text_.c_str(); }
  // To be filled in place.
  std::string& mutable_text() { return text_; }

  friend bool operator==(const Secret& a, const Secret& b) { return a.text_ == b.text_; }

 private:
  std::string text_;
};

// Wipes a string of others when it ends.
class WipeAtEnd {
 public:
  explicit WipeAtEnd(std::string* text) : text_(text) {}
  ~WipeAtEnd() { Wipe(text_); }
  WipeAtEnd(const WipeAtEnd&) = delete;
  WipeAtEnd& operator=(const WipeAtEnd&) = delete;

 private:
  std::string* const text_;
};

}  // namespace dmgr

#endif  // DMGR_COMMON_SECRET_H_
