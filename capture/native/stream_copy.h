// Copies into memory that nobody reads soon, without taking the place of what is read all the time.
#pragma once

#include <napi.h>

namespace bridgewatch {

// streamCopy(target, targetOffset, source, sourceOffset, length): ArrayBuffers and bytes. Writes past the caches where the
// processor can (Intel SDM volume 1, 10.4.6.2, non-temporal data), else as memcpy(3). What does not fit is a RangeError.
Napi::Value StreamCopy(const Napi::CallbackInfo& info);

}  // namespace bridgewatch
