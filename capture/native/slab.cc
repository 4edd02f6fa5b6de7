#include "slab.h"

#include <algorithm>

namespace bridgewatch {
namespace {

bool MapArray(Napi::Object batch, const char* name, uint32_t** out, size_t* frames) {
  const Napi::Value value = batch.Get(name);
  if (!value.IsTypedArray()) return false;
  const auto array = value.As<Napi::TypedArray>();
  if (array.TypedArrayType() != napi_uint32_array) return false;
  *out = value.As<Napi::Uint32Array>().Data();
  *frames = std::min(*frames, array.ElementLength());
  return true;
}

}  // namespace

bool MapSlab(Napi::Object batch, Slab* slab) {
  const Napi::Value data = batch.Get("data");
  if (!data.IsDataView()) return false;
  void* start = nullptr;
  // napi_get_dataview_info and not Napi::DataView, which throws on a detached buffer.
  if (napi_get_dataview_info(batch.Env(), data, &slab->bytes, &start, nullptr, nullptr) != napi_ok) return false;
  slab->data = static_cast<uint8_t*>(start);
  slab->frames = SIZE_MAX;
  return MapArray(batch, "offset", &slab->offset, &slab->frames) &&
         MapArray(batch, "capLen", &slab->cap_len, &slab->frames) &&
         MapArray(batch, "wireLen", &slab->wire_len, &slab->frames) &&
         MapArray(batch, "tsSec", &slab->ts_sec, &slab->frames) &&
         MapArray(batch, "tsNsec", &slab->ts_nsec, &slab->frames) && slab->data != nullptr && slab->frames > 0;
}

}  // namespace bridgewatch
