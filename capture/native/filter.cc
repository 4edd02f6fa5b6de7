#include "filter.h"

#include <cstddef>
#include <string>

#include "environment.h"
#include "slab.h"

namespace bridgewatch {

Napi::Function Filter::Define(Napi::Env env) {
  return DefineClass(env, "Filter",
                     {InstanceMethod<&Filter::Apply>("apply"), InstanceMethod<&Filter::Close>("close")});
}

Filter::Filter(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Filter>(info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 3 || !info[0].IsString() || !info[1].IsNumber() || !info[2].IsNumber()) {
    Napi::TypeError::New(env, "Filter(expression, linkType, snaplenBytes)").ThrowAsJavaScriptException();
    return;
  }
  const std::string expression = info[0].As<Napi::String>();
  const int link_type = info[1].As<Napi::Number>();
  const int snaplen = info[2].As<Napi::Number>();

  const Libpcap* pcap = nullptr;
  if (auto failure = LoadLibpcap(&pcap)) {
    Throw(env, *failure);
    return;
  }
  PcapHandle* dead = pcap->open_dead(DltOfLinkType(link_type), snaplen);
  if (dead == nullptr) {
    Throw(env, {"CAPTURE_FAILED", "cannot compile a filter: libpcap is out of memory"});
    return;
  }
  int status = 0;
  std::string words;
  {
    CompileLock lock;
    status = pcap->compile(dead, &program_, expression.c_str(), 1, kPcapNetmaskUnknown);
    if (status != 0) words = pcap->geterr(dead);
  }
  pcap->close(dead);
  if (status != 0) {
    Throw(env, {"CAPTURE_BAD_FILTER", "bad filter \"" + expression + "\" for link type " + std::to_string(link_type) +
                                          "; libpcap says: " + words + "; see pcap-filter(7)"});
    return;
  }
  pcap_ = pcap;
}

Filter::~Filter() {
  if (pcap_ != nullptr) pcap_->freecode(&program_);
}

void Filter::Close(const Napi::CallbackInfo&) {
  if (pcap_ != nullptr) pcap_->freecode(&program_);
  pcap_ = nullptr;
}

Napi::Value Filter::Apply(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto refuse = [env](const char* why) {
    Napi::TypeError::New(env, why).ThrowAsJavaScriptException();
    return env.Undefined();
  };
  if (pcap_ == nullptr) return refuse("apply() on a closed filter");
  if (info.Length() != 6 || !info[4].IsNumber() || !info[5].IsTypedArray()) {
    return refuse("apply(data, offset, capLen, wireLen, count, keep)");
  }
  uint8_t* data = nullptr;
  size_t bytes = 0;
  if (!MapDataView(info[0], &data, &bytes)) return refuse("data is not a DataView, or is detached");
  const uint32_t count = info[4].As<Napi::Number>();
  uint32_t* numbers[3] = {};
  for (int i = 0; i < 3; i++) {
    size_t length = 0;
    if (!MapNumbers(info[1 + i], &numbers[i], &length)) return refuse("offset, capLen and wireLen are Uint32Array");
    if (length < count) return refuse("count is more than the arrays hold");
  }
  if (info[5].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) return refuse("keep is a Uint8Array");
  if (info[5].As<Napi::TypedArray>().ElementLength() < count) return refuse("count is more than keep holds");
  uint8_t* keep = info[5].As<Napi::Uint8Array>().Data();

  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t offset = numbers[0][i];
    PcapPacketHeader header{};
    header.cap_len = numbers[1][i];
    header.wire_len = numbers[2][i];
    const bool inside = offset <= bytes && header.cap_len <= bytes - offset;
    keep[i] = inside && pcap_->offline_filter(&program_, &header, data + offset) != 0 ? 1 : 0;
    kept += keep[i];
  }
  return Napi::Number::New(env, kept);
}

}  // namespace bridgewatch
