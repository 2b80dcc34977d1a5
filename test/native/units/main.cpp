#include <cstdio>
#include <exception>
#include <vector>

#include "check.h"

namespace units {

namespace {
int failures = 0;

std::vector<void (*)()>& all() {
  static std::vector<void (*)()> units;
  return units;
}
}  // namespace

Registered::Registered(void (*unit)()) { all().push_back(unit); }

void check(bool holds, const char* what, const char* file, int line) {
  if (holds) return;
  ++failures;
  std::printf("%s:%d: %s\n", file, line, what);
}

}  // namespace units

int main() {
  for (const auto unit : units::all()) {
    try {
      unit();
    } catch (const std::exception& error) {
      units::check(false, error.what(), "a unit", 0);
    }
  }
  return units::failures == 0 ? 0 : 1;
}
