// The addon's face: three classes and four functions. Loading it touches neither libpcap nor the network.
#include <napi.h>

#include "environment.h"
#include "filter.h"
#include "huge_pages.h"
#include "libpcap.h"
#include "namespace_reader.h"
#include "netlink.h"
#include "stream_copy.h"
#include "tap.h"

namespace bridgewatch {
namespace {

Napi::Value LibpcapVersion(const Napi::CallbackInfo& info) {
  const Libpcap* pcap = nullptr;
  if (auto failure = LoadLibpcap(&pcap)) {
    Throw(info.Env(), *failure);
    return info.Env().Undefined();
  }
  return Napi::String::New(info.Env(), pcap->lib_version());
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new TurnBudget());
  exports["Tap"] = Tap::Define(env);
  exports["Filter"] = Filter::Define(env);
  exports["Netlink"] = Netlink::Define(env);
  exports["libpcapVersion"] = Napi::Function::New<LibpcapVersion>(env, "libpcapVersion");
  exports["adviseHugePages"] = Napi::Function::New<AdviseHugePages>(env, "adviseHugePages");
  exports["streamCopy"] = Napi::Function::New<StreamCopy>(env, "streamCopy");
  exports["readInNamespace"] = Napi::Function::New<ReadInNamespaceAsync>(env, "readInNamespace");
  return exports;
}

NODE_API_MODULE(bridgewatch_pcap, Init)

}  // namespace
}  // namespace bridgewatch
