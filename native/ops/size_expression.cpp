#include "size_expression.h"

#include <algorithm>
#include <cctype>

#include "../error.h"
#include "size_limit.h"

namespace lrp {

/// `kind` is an operator, 'i' for an axis of the input or 'n' for a number; `value` is the axis or the number.
struct SizeExpression::Term {
  char kind;
  int64_t value = 0;
  std::shared_ptr<const Term> left, right;
};

namespace {

using Term = SizeExpression::Term;
using TermPointer = std::shared_ptr<const Term>;

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) {}

  TermPointer parse() {
    TermPointer result = sum();
    skip();
    if (at_ != text_.size()) fail();
    return result;
  }

 private:
  static constexpr int kDeepest = 100;

  TermPointer sum() {
    if (++depth_ > kDeepest) fail();
    TermPointer left = product();
    while (take("+") || take("-")) {
      const char kind = text_[at_ - 1];
      left = binary(kind, left, product());
    }
    --depth_;
    return left;
  }

  TermPointer product() {
    TermPointer left = factor();
    while (true) {
      if (take("//")) {
        left = binary('/', left, factor());
      } else if (take("*") || take("%")) {
        const char kind = text_[at_ - 1];
        left = binary(kind, left, factor());
      } else {
        return left;
      }
    }
  }

  TermPointer factor() {
    if (take("-")) return binary('-', number(0), factor());
    if (take("(")) return closed(sum());
    if (take("Min(")) return pair('<');
    if (take("Max(")) return pair('>');
    if (take("Mod(")) return pair('%');
    if (take("i")) return std::make_shared<const Term>(Term{'i', digits(), nullptr, nullptr});
    return number(digits());
  }

  TermPointer pair(char kind) {
    const TermPointer left = sum();
    if (!take(",")) fail();
    return closed(binary(kind, left, sum()));
  }

  TermPointer closed(TermPointer inside) {
    if (!take(")")) fail();
    return inside;
  }

  static TermPointer binary(char kind, TermPointer left, TermPointer right) {
    return std::make_shared<const Term>(Term{kind, 0, std::move(left), std::move(right)});
  }
  static TermPointer number(int64_t value) { return std::make_shared<const Term>(Term{'n', value, nullptr, nullptr}); }

  int64_t digits() {
    skip();
    const size_t begin = at_;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
    if (at_ == begin || at_ - begin > 18) fail();
    return std::stoll(text_.substr(begin, at_ - begin));
  }

  bool take(const std::string& token) {
    skip();
    if (text_.compare(at_, token.size(), token) != 0) return false;
    at_ += token.size();
    return true;
  }

  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  [[noreturn]] void fail() const {
    throw Error("INVALID_ARGUMENT", "'" + text_ + "' is not a valid expression of the input's sizes");
  }

  const std::string& text_;
  size_t at_ = 0;
  int depth_ = 0;
};

int64_t evaluate(const Term& term, c10::IntArrayRef sizes, const std::string& text) {
  const auto fail = [&text](const char* why) -> int64_t {
    throw Error("INVALID_ARGUMENT", "the size expression '" + text + "' " + why);
  };
  if (term.kind == 'n') return term.value;
  if (term.kind == 'i') {
    if (term.value >= static_cast<int64_t>(sizes.size())) return fail("reads an axis that the input does not have");
    return sizes[static_cast<size_t>(term.value)];
  }
  const int64_t a = evaluate(*term.left, sizes, text), b = evaluate(*term.right, sizes, text);
  int64_t result = 0;
  bool overflows = false;
  switch (term.kind) {
    case '+':
      overflows = __builtin_add_overflow(a, b, &result);
      break;
    case '-':
      overflows = __builtin_sub_overflow(a, b, &result);
      break;
    case '*':
      overflows = __builtin_mul_overflow(a, b, &result);
      break;
    case '<':
      return std::min(a, b);
    case '>':
      return std::max(a, b);
    default:
      if (b == 0) return fail("divides by 0");
      result = term.kind == '/' ? floor_divide(a, b) : a - floor_divide(a, b) * b;
  }
  return overflows ? fail("is too large") : result;
}

}  // namespace

SizeExpression::SizeExpression(const std::string& text) : text_(text), root_(Parser(text_).parse()) {}

int64_t SizeExpression::operator()(c10::IntArrayRef input_sizes) const { return evaluate(*root_, input_sizes, text_); }

}  // namespace lrp
