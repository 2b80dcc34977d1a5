#pragma once
#include <cstdint>
#include <string>

namespace lrp::node {

/// Where a value lies within what is read, "the options: schedule.gamma": put together only for an error. A path lives
/// no longer than the one that it continues.
class Path {
 public:
  Path(const char* root) : name_(root) {}
  Path(const std::string& root) : name_(root.c_str()) {}
  Path(const Path& parent, const char* field) : parent_(&parent), name_(field) {}
  Path(const Path& parent, uint32_t index) : parent_(&parent), index_(index) {}

  std::string text() const {
    if (!parent_) return name_;
    const std::string before = parent_->text();
    if (!name_) return before + (parent_->parent_ ? "" : ": ") + "[" + std::to_string(index_) + "]";
    return before + (parent_->parent_ ? "." : ": ") + name_;
  }

 private:
  const Path* parent_ = nullptr;
  const char* name_ = nullptr;
  uint32_t index_ = 0;
};

}  // namespace lrp::node
