// CHECK: an invariant, always on. A broken one is a bug: it prints where and what, and aborts;
// another owner recovers.
#pragma once

#include <sstream>
#include <string>

namespace thalweg::base {

[[noreturn]] void check_failed(const char* file, int line, const char* what,
                               const std::string& values);

template <class A, class B>
[[noreturn]] void check_op_failed(const char* file, int line, const char* what, const A& a,
                                  const B& b) {
  std::ostringstream out;
  if constexpr (requires { out << a << b; }) out << a << " vs " << b;
  check_failed(file, line, what, out.str());
}

}  // namespace thalweg::base

#define CHECK(cond) \
  ((cond) ? (void)0 : ::thalweg::base::check_failed(__FILE__, __LINE__, #cond, ""))
#define CHECK_MSG(cond, text) \
  ((cond) ? (void)0 : ::thalweg::base::check_failed(__FILE__, __LINE__, #cond, (text)))
#define CHECK_OP_(a, op, b)                                                                        \
  do {                                                                                             \
    const auto& check_a_ = (a);                                                                    \
    const auto& check_b_ = (b);                                                                    \
    if (!(check_a_ op check_b_))                                                                   \
      ::thalweg::base::check_op_failed(__FILE__, __LINE__, #a " " #op " " #b, check_a_, check_b_); \
  } while (0)
#define CHECK_EQ(a, b) CHECK_OP_(a, ==, b)
#define CHECK_LE(a, b) CHECK_OP_(a, <=, b)
#define CHECK_LT(a, b) CHECK_OP_(a, <, b)
#define CHECK_GE(a, b) CHECK_OP_(a, >=, b)
