// A compiled pcap-filter(7) expression for frames that are already in memory: one call a batch.
#pragma once

#include <napi.h>

#include "libpcap.h"

namespace bridgewatch {

class Filter : public Napi::ObjectWrap<Filter> {
 public:
  static Napi::Function Define(Napi::Env env);

  // new Filter(expression, linkType, snaplenBytes): compiles, or throws an Error with a code of CaptureErrorCode.
  explicit Filter(const Napi::CallbackInfo& info);
  ~Filter() override;

 private:
  // apply(data, offset, capLen, wireLen, count, keep): keep[i] becomes 1 or 0; answers how many are 1. A frame
  // that does not lie within the data is not kept.
  Napi::Value Apply(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  const Libpcap* pcap_ = nullptr;
  BpfProgram program_;
};

}  // namespace bridgewatch
