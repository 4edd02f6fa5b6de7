#include "huge_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace bridgewatch {

Napi::Value AdviseHugePages(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsArrayBuffer()) return Napi::Boolean::New(env, false);
  Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(buffer.Data());
  // Only pages that are wholly the buffer's: its neighbours are other people's memory.
  const uintptr_t first = (begin + page - 1) / page * page;
  const uintptr_t last = (begin + buffer.ByteLength()) / page * page;
  if (last <= first) return Napi::Boolean::New(env, false);
  return Napi::Boolean::New(env, madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE) == 0);
}

}  // namespace bridgewatch
