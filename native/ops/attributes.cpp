#include "attributes.h"

#include <cmath>

#include "../error.h"

namespace lrp {

namespace {
[[noreturn]] void wrong_type(const std::string& name, const char* wanted) {
  throw Error("INVALID_ARGUMENT", "attribute '" + name + "' must be " + wanted);
}

int64_t whole(const std::string& name, double value) {
  if (!(std::floor(value) == value && std::abs(value) < 9e15)) wrong_type(name, "a whole number");
  return static_cast<int64_t>(value);
}
}  // namespace

const Attribute& Attributes::at(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw Error("INVALID_ARGUMENT", "attribute '" + name + "' is missing");
  return found->second;
}

bool Attributes::is_text(const std::string& name) const {
  return has(name) && std::holds_alternative<std::string>(at(name));
}

double Attributes::number(const std::string& name) const {
  if (const auto* value = std::get_if<double>(&at(name))) return *value;
  wrong_type(name, "a number");
}

double Attributes::number(const std::string& name, double fallback) const {
  return has(name) ? number(name) : fallback;
}

int64_t Attributes::integer(const std::string& name) const { return whole(name, number(name)); }

int64_t Attributes::integer(const std::string& name, int64_t fallback) const {
  return has(name) ? integer(name) : fallback;
}

bool Attributes::flag(const std::string& name, bool fallback) const {
  if (!has(name)) return fallback;
  if (const auto* value = std::get_if<bool>(&at(name))) return *value;
  wrong_type(name, "true or false");
}

std::string Attributes::text(const std::string& name, const std::string& fallback) const {
  if (!has(name)) return fallback;
  if (const auto* value = std::get_if<std::string>(&at(name))) return *value;
  wrong_type(name, "a text");
}

std::vector<double> Attributes::numbers(const std::string& name) const {
  if (const auto* list = std::get_if<std::vector<double>>(&at(name))) return *list;
  return {number(name)};
}

std::vector<int64_t> Attributes::integers(const std::string& name, size_t axes) const {
  std::vector<int64_t> result;
  for (const double value : numbers(name)) result.push_back(whole(name, value));
  if (axes > 0 && result.size() == 1) result.assign(axes, result[0]);
  if (axes > 0 && result.size() != axes) {
    throw Error("INVALID_ARGUMENT", "attribute '" + name + "' has " + std::to_string(result.size()) +
                                        " entries where " + std::to_string(axes) + " are needed");
  }
  return result;
}

std::vector<int64_t> Attributes::integers(const std::string& name, size_t axes, int64_t fallback) const {
  return has(name) ? integers(name, axes) : std::vector<int64_t>(axes, fallback);
}

}  // namespace lrp
