// Large tables that are read at random cost more in address translation than in memory itself.
#pragma once

#include <napi.h>

namespace bridgewatch {

// adviseHugePages(buffer): asks the kernel to back an ArrayBuffer with huge pages (madvise(2), MADV_HUGEPAGE), before
// its pages are first touched. Answers whether the kernel took the advice; it promises nothing.
Napi::Value AdviseHugePages(const Napi::CallbackInfo& info);

}  // namespace bridgewatch
