#include "slab.h"

#include <algorithm>

namespace bridgewatch {
namespace {

bool IsDetached(napi_env env, napi_value buffer) {
  bool detached = true;
  return napi_is_detached_arraybuffer(env, buffer, &detached) != napi_ok || detached;
}

}  // namespace

// The C functions and not the classes of node-addon-api, which throw on a detached buffer.
bool MapDataView(Napi::Value value, uint8_t** data, size_t* bytes) {
  if (!value.IsDataView()) return false;
  void* start = nullptr;
  napi_value buffer = nullptr;
  if (napi_get_dataview_info(value.Env(), value, bytes, &start, &buffer, nullptr) != napi_ok) return false;
  *data = static_cast<uint8_t*>(start);
  return !IsDetached(value.Env(), buffer);
}

bool MapNumbers(Napi::Value value, uint32_t** numbers, size_t* length) {
  if (!value.IsTypedArray()) return false;
  napi_typedarray_type type = napi_int8_array;
  void* start = nullptr;
  napi_value buffer = nullptr;
  if (napi_get_typedarray_info(value.Env(), value, &type, length, &start, &buffer, nullptr) != napi_ok) return false;
  *numbers = static_cast<uint32_t*>(start);
  return type == napi_uint32_array && !IsDetached(value.Env(), buffer);
}

bool MapSlab(Napi::Object batch, Slab* slab) {
  if (!MapDataView(batch.Get("data"), &slab->data, &slab->bytes)) return false;
  struct {
    const char* name;
    uint32_t** numbers;
  } const arrays[] = {{"offset", &slab->offset},
                      {"capLen", &slab->cap_len},
                      {"wireLen", &slab->wire_len},
                      {"tsSec", &slab->ts_sec},
                      {"tsNsec", &slab->ts_nsec}};
  slab->frames = SIZE_MAX;
  for (const auto& array : arrays) {
    size_t length = 0;
    if (!MapNumbers(batch.Get(array.name), array.numbers, &length)) return false;
    slab->frames = std::min(slab->frames, length);
  }
  return slab->frames > 0;
}

}  // namespace bridgewatch
