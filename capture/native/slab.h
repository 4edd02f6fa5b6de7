// The memory of one FrameBatch (capture/source.ts), which JavaScript owns and lends for one batch.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

namespace bridgewatch {

struct Slab {
  uint8_t* data = nullptr;
  size_t bytes = 0;
  size_t frames = 0;
  uint32_t* offset = nullptr;
  uint32_t* cap_len = nullptr;
  uint32_t* wire_len = nullptr;
  uint32_t* ts_sec = nullptr;
  uint32_t* ts_nsec = nullptr;
};

// The memory behind a DataView or a Uint32Array; false for anything else and for a detached buffer. The pointer holds
// until JavaScript runs again.
bool MapDataView(Napi::Value value, uint8_t** data, size_t* bytes);
bool MapNumbers(Napi::Value value, uint32_t** numbers, size_t* length);

// Looks the memory up anew: JavaScript may have detached a buffer since. False when the object is not a
// batch whose buffers are all there.
bool MapSlab(Napi::Object batch, Slab* slab);

}  // namespace bridgewatch
