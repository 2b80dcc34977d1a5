#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "../error.h"
#include "path.h"
#include "values.h"

/// One field list per struct that crosses to JavaScript, for reading and for writing:
///
///   namespace lrp {
///   constexpr auto fields(const OptimizerOptions*) {
///     return std::make_tuple(node::field("name", &OptimizerOptions::name),
///                            node::field("momentum", &OptimizerOptions::momentum));
///   }
///   }
///
///   const auto options = node::read<OptimizerOptions>(info[0], "the optimizer");
///   return node::write(env, options);
///
/// A member may be a bool, a number, a string, a tensor, a list, a map, or another struct with fields. A field that is
/// missing is an error that names it, unless its member is a std::optional: C++ has no defaults.
namespace lrp::node {

/// How a type crosses: `read(value, path)` and `write(env, value)`. Specialise it for further types; the general one
/// reads a struct by its field list.
template <typename T, typename = void>
struct Codec;

template <typename As, typename T, typename M>
struct Field {
  const char* name;
  M T::*member;
};

template <typename T, typename M>
constexpr Field<Codec<M>, T, M> field(const char* name, M T::*member) {
  return {name, member};
}

/// A field that crosses in another way than its type's own, such as AsFloat.
template <typename As, typename T, typename M>
constexpr Field<As, T, M> field_as(const char* name, M T::*member) {
  return {name, member};
}

/// Reads a value. Throws INVALID_ARGUMENT naming `path` and the field within it.
template <typename T>
T read(const Napi::Value& value, const Path& path) {
  return Codec<T>::read(value, path);
}

template <typename T>
Napi::Value write(Napi::Env env, const T& value) {
  return Codec<T>::write(env, value);
}

inline bool is_missing(const Napi::Value& value) { return value.IsUndefined() || value.IsNull(); }

[[noreturn]] inline void refuse(const Path& path, const Napi::Value& value, const char* wanted) {
  throw Error("INVALID_ARGUMENT",
              path.text() + (is_missing(value) ? " is missing" : std::string(" must be ") + wanted));
}

template <>
struct Codec<bool> {
  static bool read(const Napi::Value& value, const Path& path) {
    if (!value.IsBoolean()) refuse(path, value, "true or false");
    return value.As<Napi::Boolean>().Value();
  }
  static Napi::Value write(Napi::Env env, bool value) { return Napi::Boolean::New(env, value); }
};

template <>
struct Codec<double> {
  static double read(const Napi::Value& value, const Path& path) {
    if (!value.IsNumber()) refuse(path, value, "a number");
    return value.As<Napi::Number>().DoubleValue();
  }
  static Napi::Value write(Napi::Env env, double value) { return Napi::Number::New(env, value); }
};

/// Whole numbers, which JavaScript holds exactly up to 2^53.
template <typename T>
struct Codec<T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>>> {
  static T read(const Napi::Value& value, const Path& path) {
    constexpr double kLargest = 9007199254740992.0;
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    const bool fits = std::abs(number) <= kLargest && number == std::floor(number) &&
                      number >= static_cast<double>(std::numeric_limits<T>::min()) &&
                      number <= static_cast<double>(std::numeric_limits<T>::max());
    if (!fits) refuse(path, value, std::is_signed_v<T> ? "a whole number" : "a whole number of at least 0");
    return static_cast<T>(number);
  }
  static Napi::Value write(Napi::Env env, T value) { return Napi::Number::New(env, static_cast<double>(value)); }
};

template <>
struct Codec<std::string> {
  static std::string read(const Napi::Value& value, const Path& path) {
    if (!value.IsString()) refuse(path, value, "a string");
    return value.As<Napi::String>();
  }
  static Napi::Value write(Napi::Env env, const std::string& value) { return Napi::String::New(env, value); }
};

/// A tensor: read over JavaScript's memory, which the caller keeps alive; written with its dtype and bytes.
template <>
struct Codec<at::Tensor> {
  static at::Tensor read(const Napi::Value& value, const Path& path) {
    if (is_missing(value)) refuse(path, value, "a tensor");
    return tensor_over(value, path);
  }
  static Napi::Value write(Napi::Env env, const at::Tensor& value) { return raw_tensor(env, value); }
};

/// A tensor written as float32 numbers.
struct AsFloat : Codec<at::Tensor> {
  static Napi::Value write(Napi::Env env, const at::Tensor& value) { return float_tensor(env, value); }
};

/// Tensors that are written as typed arrays of numbers.
struct AsInts {
  static Napi::Value write(Napi::Env env, const at::Tensor& value) { return int32_array(env, value); }
};
struct AsDoubles {
  static Napi::Value write(Napi::Env env, const at::Tensor& value) { return float64_array(env, value); }
};
/// Float32 tensors by name.
struct AsFloats {
  static Napi::Value write(Napi::Env env, const std::map<std::string, at::Tensor>& values) {
    return float_tensors(env, values);
  }
};

/// What the codec of an enum is made of: a list of names, and the search in it.
template <typename E>
struct Named {
  template <size_t N>
  using Names = std::array<std::pair<const char*, E>, N>;
  template <size_t N>
  static E find(const Names<N>& names, const Napi::Value& value, const Path& path) {
    const std::string given = Codec<std::string>::read(value, path);
    std::string list;
    for (const auto& [name, one] : names) {
      if (given == name) return one;
      list += (list.empty() ? "" : ", ") + std::string(name);
    }
    throw Error("INVALID_ARGUMENT", path.text() + " must be one of " + list + ", not '" + given + "'");
  }
};

/// A missing value, or undefined, is none.
template <typename T>
struct Codec<std::optional<T>> {
  static std::optional<T> read(const Napi::Value& value, const Path& path) {
    if (is_missing(value)) return std::nullopt;
    return Codec<T>::read(value, path);
  }
  static Napi::Value write(Napi::Env env, const std::optional<T>& value) {
    return value ? Codec<T>::write(env, *value) : env.Undefined();
  }
};

template <typename T>
struct Codec<std::vector<T>> {
  static std::vector<T> read(const Napi::Value& value, const Path& path) {
    if (!value.IsArray()) refuse(path, value, "a list");
    const auto array = value.As<Napi::Array>();
    std::vector<T> list;
    for (uint32_t i = 0; i < array.Length(); ++i) {
      list.push_back(Codec<T>::read(array[i], Path(path, i)));
    }
    return list;
  }
  static Napi::Value write(Napi::Env env, const std::vector<T>& list) {
    auto array = Napi::Array::New(env, list.size());
    for (size_t i = 0; i < list.size(); ++i) array[static_cast<uint32_t>(i)] = Codec<T>::write(env, list[i]);
    return array;
  }
};

template <typename T, size_t N>
struct Codec<std::array<T, N>> {
  static std::array<T, N> read(const Napi::Value& value, const Path& path) {
    const auto list = Codec<std::vector<T>>::read(value, path);
    if (list.size() != N) throw Error("INVALID_ARGUMENT", path.text() + " must have " + std::to_string(N) + " entries");
    std::array<T, N> result;
    std::copy(list.begin(), list.end(), result.begin());
    return result;
  }
};

template <typename T>
struct Codec<std::map<std::string, T>> {
  static std::map<std::string, T> read(const Napi::Value& value, const Path& path) {
    if (!value.IsObject()) refuse(path, value, "an object");
    const auto object = value.As<Napi::Object>();
    const Napi::Array keys = object.GetPropertyNames();
    std::map<std::string, T> result;
    for (uint32_t i = 0; i < keys.Length(); ++i) {
      const std::string key = keys.Get(i).As<Napi::String>();
      result.emplace(key, Codec<T>::read(object.Get(key), Path(path, key.c_str())));
    }
    return result;
  }
  static Napi::Value write(Napi::Env env, const std::map<std::string, T>& values) {
    auto object = Napi::Object::New(env);
    for (const auto& [key, value] : values) object[key] = Codec<T>::write(env, value);
    return object;
  }
};

/// A struct with a field list, which argument-dependent lookup finds.
template <typename T, typename>
struct Codec {
  static T read(const Napi::Value& value, const Path& path) {
    if (!value.IsObject()) refuse(path, value, "an object");
    const auto object = value.As<Napi::Object>();
    T result{};
    each([&](auto codec, const auto& one) {
      result.*one.member = decltype(codec)::read(object.Get(one.name), Path(path, one.name));
    });
    return result;
  }
  static Napi::Value write(Napi::Env env, const T& value) {
    auto object = Napi::Object::New(env);
    each([&](auto codec, const auto& one) { object[one.name] = decltype(codec)::write(env, value.*one.member); });
    return object;
  }

 private:
  template <typename As, typename Owner, typename M>
  static As codec_of(const Field<As, Owner, M>&) {
    return {};
  }
  template <typename Use>
  static void each(const Use& use) {
    std::apply([&](const auto&... one) { (use(codec_of(one), one), ...); }, fields(static_cast<const T*>(nullptr)));
  }
};

}  // namespace lrp::node
