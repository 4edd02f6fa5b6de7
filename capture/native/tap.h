// A LiveHandle on Node's event loop: frames of one wakeup go into the batch that JavaScript owns, then one call
// says how many. No thread: taps may be as many as containers.
#pragma once

#include <napi.h>
#include <uv.h>

#include <memory>
#include <string>

#include "live_handle.h"

namespace bridgewatch {

class Tap : public Napi::ObjectWrap<Tap> {
 public:
  static Napi::Function Define(Napi::Env env);

  // new Tap(options, batch): opens, or throws an Error with a code of CaptureErrorCode.
  explicit Tap(const Napi::CallbackInfo& info);
  ~Tap() override;

 private:
  // run(onBatch(count), onEnd(reason, detail)): onEnd, with "closed" after drain(), is called unless close() came first.
  void Run(const Napi::CallbackInfo& info);
  Napi::Value Facts(const Napi::CallbackInfo& info);
  Napi::Value Stats(const Napi::CallbackInfo& info);
  void Drain(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  void OnReadable(int status);
  void OnTimer();
  // One batch. False when the tap was closed meanwhile.
  bool Deliver(LiveHandle::Read* outcome);
  // Something is wrong: waits for the frames that the ring still holds, then judges.
  void Linger();
  // Ends with what the kernel says now, or goes on.
  void Judge(bool failing);
  void End(const std::string& reason, const std::string& detail);
  void Stop();
  void Watch();
  void HandleClosed();

  // Null once stopped; the counters of that moment stay.
  std::unique_ptr<LiveHandle> handle_;
  LiveCounters counters_;
  uint64_t received_ = 0;
  std::string interface_;
  std::string netns_;
  uint64_t linger_ms_ = 0;

  Napi::ObjectReference batch_;
  Napi::FunctionReference on_batch_;
  Napi::FunctionReference on_end_;

  // While `running_`, libuv holds pointers into this object: it keeps itself alive until both handles are closed.
  bool running_ = false;
  int open_uv_handles_ = 0;
  uv_poll_t poll_{};
  uv_timer_t timer_{};
  napi_async_cleanup_hook_handle cleanup_hook_ = nullptr;

  bool lingering_ = false;
  // Asked to end once the ring is empty.
  bool draining_ = false;
  int drained_batches_ = 0;
  int errors_in_a_row_ = 0;
};

}  // namespace bridgewatch
