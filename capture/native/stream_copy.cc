#include "stream_copy.h"

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bridgewatch {
namespace {

#if defined(__SSE2__)

// A line of the cache: written whole, it goes to memory in one piece and need not be read before.
constexpr size_t kLine = 64;

void Copy(uint8_t* target, const uint8_t* source, size_t length) {
  const size_t head = (kLine - reinterpret_cast<uintptr_t>(target) % kLine) % kLine;
  if (length < head + kLine) {
    std::memcpy(target, source, length);
    return;
  }
  std::memcpy(target, source, head);
  size_t at = head;
  for (; at + kLine <= length; at += kLine) {
    auto* to = reinterpret_cast<__m128i*>(target + at);
    const auto* from = reinterpret_cast<const __m128i*>(source + at);
    const __m128i a = _mm_loadu_si128(from);
    const __m128i b = _mm_loadu_si128(from + 1);
    const __m128i c = _mm_loadu_si128(from + 2);
    const __m128i d = _mm_loadu_si128(from + 3);
    _mm_stream_si128(to, a);
    _mm_stream_si128(to + 1, b);
    _mm_stream_si128(to + 2, c);
    _mm_stream_si128(to + 3, d);
  }
  std::memcpy(target + at, source + at, length - at);
  // Such stores are not ordered with others by themselves; another thread may be told of them next.
  _mm_sfence();
}

#else

void Copy(uint8_t* target, const uint8_t* source, size_t length) { std::memcpy(target, source, length); }

#endif

// Where in a buffer, and whether `length` bytes are there.
uint8_t* At(const Napi::Value& buffer, const Napi::Value& offset, double length) {
  if (!buffer.IsArrayBuffer() || !offset.IsNumber()) return nullptr;
  Napi::ArrayBuffer memory = buffer.As<Napi::ArrayBuffer>();
  const double from = offset.As<Napi::Number>().DoubleValue();
  if (!(from >= 0) || from + length > static_cast<double>(memory.ByteLength())) return nullptr;
  return static_cast<uint8_t*>(memory.Data()) + static_cast<size_t>(from);
}

}  // namespace

Napi::Value StreamCopy(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const double length = info.Length() >= 5 && info[4].IsNumber() ? info[4].As<Napi::Number>().DoubleValue() : -1;
  uint8_t* target = length >= 0 ? At(info[0], info[1], length) : nullptr;
  const uint8_t* source = length >= 0 ? At(info[2], info[3], length) : nullptr;
  if (target == nullptr || source == nullptr) {
    Napi::RangeError::New(env, "streamCopy: bytes that are not in their ArrayBuffer").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  // Within one buffer they may lie over each other.
  if (info[0].StrictEquals(info[2])) {
    std::memmove(target, source, static_cast<size_t>(length));
  } else if (length > 0) {
    Copy(target, source, static_cast<size_t>(length));
  }
  return env.Undefined();
}

}  // namespace bridgewatch
