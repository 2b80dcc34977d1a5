#include "attributes.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

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

double parsed(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') wrong_type(name, "a number");
  return value;
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

bool Attributes::has_size_expressions() const {
  return std::any_of(values_.begin(), values_.end(), [](const auto& entry) {
    const auto mentions_axis = [](const std::string& text) {
      for (size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] == 'i' && text[i + 1] >= '0' && text[i + 1] <= '9') return true;
      }
      return false;
    };
    if (const auto* text = std::get_if<std::string>(&entry.second)) return mentions_axis(*text);
    const auto* list = std::get_if<std::vector<std::string>>(&entry.second);
    return entry.first != "arguments" && list && std::any_of(list->begin(), list->end(), mentions_axis);
  });
}

bool Attributes::is_texts(const std::string& name) const {
  return has(name) && std::holds_alternative<std::vector<std::string>>(at(name));
}

std::vector<std::string> Attributes::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_) names.push_back(name);
  return names;
}

Attributes Attributes::with(const std::string& name, Attribute value) const {
  auto values = values_;
  values[name] = std::move(value);
  return Attributes(std::move(values));
}

Attributes Attributes::without(const std::string& name) const {
  auto values = values_;
  values.erase(name);
  return Attributes(std::move(values));
}

double Attributes::number(const std::string& name) const {
  if (const auto* value = std::get_if<double>(&at(name))) return *value;
  if (const auto* text = std::get_if<std::string>(&at(name))) return parsed(name, *text);
  wrong_type(name, "a number");
}

double Attributes::number(const std::string& name, double fallback) const {
  return has(name) ? number(name) : fallback;
}

int64_t Attributes::integer(const std::string& name) const { return whole(name, number(name)); }

int64_t Attributes::integer(const std::string& name, int64_t fallback) const {
  return has(name) ? integer(name) : fallback;
}

bool Attributes::flag(const std::string& name) const {
  if (const auto* value = std::get_if<bool>(&at(name))) return *value;
  wrong_type(name, "true or false");
}

bool Attributes::flag(const std::string& name, bool fallback) const { return has(name) ? flag(name) : fallback; }

std::string Attributes::text(const std::string& name) const {
  if (const auto* value = std::get_if<std::string>(&at(name))) return *value;
  wrong_type(name, "a text");
}

std::string Attributes::text(const std::string& name, const std::string& fallback) const {
  return has(name) ? text(name) : fallback;
}

std::vector<std::string> Attributes::texts(const std::string& name) const {
  if (const auto* list = std::get_if<std::vector<std::string>>(&at(name))) return *list;
  if (const auto* list = std::get_if<std::vector<double>>(&at(name)); list && list->empty()) return {};
  wrong_type(name, "a list of strings");
}

c10::Scalar Attributes::scalar(const std::string& name) const {
  if (const auto* value = std::get_if<bool>(&at(name))) return *value;
  const double value = number(name);
  const bool is_whole = !is_text(name) && std::floor(value) == value && std::abs(value) < 9e15;
  return is_whole ? c10::Scalar(static_cast<int64_t>(value)) : c10::Scalar(value);
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
                                        " entries, but needs " + std::to_string(axes));
  }
  return result;
}

std::vector<int64_t> Attributes::integers(const std::string& name, size_t axes, int64_t fallback) const {
  return has(name) ? integers(name, axes) : std::vector<int64_t>(axes, fallback);
}

}  // namespace lrp
