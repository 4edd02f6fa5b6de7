// A NetlinkSocket on Node's event loop: datagrams of one wakeup go into the batch that JavaScript owns, then one call
// says how many. Bounded work a turn, no thread, no parsing.
#pragma once

#include <napi.h>
#include <uv.h>

#include <memory>

#include "netlink_socket.h"

namespace bridgewatch {

class Netlink : public Napi::ObjectWrap<Netlink> {
 public:
  static Napi::Function Define(Napi::Env env);

  // new Netlink(options, batch): opens and subscribes, or throws an Error with a code of CaptureErrorCode.
  explicit Netlink(const Napi::CallbackInfo& info);
  ~Netlink() override;

 private:
  // run(onBatch(count, drained, overruns), onEnd(detail)): onEnd is called unless close() came first.
  void Run(const Napi::CallbackInfo& info);
  void Send(const Napi::CallbackInfo& info);
  Napi::Value Drops(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  void OnReadable(int status);
  bool MapBatch(DatagramSlab* slab);
  void Watch();
  void End(const std::string& detail);
  void Stop();
  void HandleClosed();

  // Null once stopped.
  std::unique_ptr<NetlinkSocket> socket_;
  Napi::ObjectReference batch_;
  Napi::FunctionReference on_batch_;
  Napi::FunctionReference on_end_;

  // While `running_`, libuv holds a pointer into this object: it keeps itself alive until the handle is closed.
  bool running_ = false;
  uv_poll_t poll_{};
  napi_async_cleanup_hook_handle cleanup_hook_ = nullptr;
};

}  // namespace bridgewatch
