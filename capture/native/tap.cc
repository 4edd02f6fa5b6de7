#include "tap.h"

#include <algorithm>
#include <utility>

#include "environment.h"

namespace bridgewatch {
namespace {

// Frames still in the open block of the ring come out when the read timeout retires it, also after the interface is
// gone; they are the last thing a container did.
constexpr uint64_t kLingerSlackMs = 50;
constexpr uint64_t kNamespaceCheckMs = 1000;
constexpr size_t kMinFramesPerTurn = 64;
// The link is up and reading fails again after each wait: a flap does that once.
constexpr int kMaxErrorsInARow = 3;
// 64 of 2 MiB: more than a full ring of the default size holds, should the kernel not have stopped filling it.
constexpr int kMaxDrainBatches = 64;

}  // namespace

Napi::Function Tap::Define(Napi::Env env) {
  return DefineClass(env, "Tap",
                     {InstanceMethod<&Tap::Run>("run"), InstanceMethod<&Tap::Facts>("facts"),
                      InstanceMethod<&Tap::Stats>("stats"), InstanceMethod<&Tap::Drain>("drain"),
                      InstanceMethod<&Tap::Close>("close")});
}

Tap::Tap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Tap>(info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsObject() || !info[1].IsObject()) {
    Napi::TypeError::New(env, "Tap(options, batch)").ThrowAsJavaScriptException();
    return;
  }
  const auto given = info[0].As<Napi::Object>();
  LiveOptions options;
  options.interface = given.Get("interface").ToString();
  options.netns = given.Get("netns").ToString();
  options.filter = given.Get("filter").ToString();
  options.snaplen = given.Get("snaplenBytes").ToNumber();
  options.buffer_bytes = given.Get("bufferBytes").ToNumber();
  options.timeout_ms = given.Get("readTimeoutMs").ToNumber();
  options.promiscuous = given.Get("promiscuous").ToBoolean();
  if (env.IsExceptionPending()) return;

  if (auto failure = LiveHandle::Open(options, &handle_)) {
    Throw(env, *failure);
    return;
  }
  interface_ = options.interface;
  netns_ = options.netns;
  linger_ms_ = static_cast<uint64_t>(options.timeout_ms) + kLingerSlackMs;
  batch_ = Napi::Persistent(info[1].As<Napi::Object>());
}

// Collected without close(): Stop() has nothing to do if that came first.
Tap::~Tap() { Stop(); }

void Tap::Run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (handle_ == nullptr || running_ || info.Length() != 2 || !info[0].IsFunction() || !info[1].IsFunction()) {
    Napi::TypeError::New(env, "run(onBatch, onEnd) once, on an open tap").ThrowAsJavaScriptException();
    return;
  }
  uv_loop_t* loop = LoopOf(env);
  if (uv_poll_init(loop, &poll_, handle_->fd()) != 0) {
    Throw(env, {"CAPTURE_FAILED", "cannot watch " + interface_ + ": the event loop does not take its descriptor"});
    return;
  }
  uv_timer_init(loop, &timer_);
  poll_.data = this;
  timer_.data = this;
  open_uv_handles_ = 2;
  running_ = true;
  on_batch_ = Napi::Persistent(info[0].As<Napi::Function>());
  on_end_ = Napi::Persistent(info[1].As<Napi::Function>());
  Ref();
  // process.exit() and the end of a worker come here: libuv's handles must be closed before its loop is.
  napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void* self) { static_cast<Tap*>(self)->Stop(); }, this, &cleanup_hook_);
  Watch();
}

void Tap::Watch() {
  lingering_ = false;
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int status, int) {
    static_cast<Tap*>(poll->data)->OnReadable(status);
  });
  // Our socket keeps a namespace alive that nobody else holds, so its `lo` would never go away: look at the path.
  // All taps do at the same moment, so that a hundred of them at rest wake the loop once a second.
  if (!netns_.empty()) {
    const uint64_t to_next = kNamespaceCheckMs - uv_now(poll_.loop) % kNamespaceCheckMs;
    uv_timer_start(
        &timer_, [](uv_timer_t* timer) { static_cast<Tap*>(timer->data)->OnTimer(); }, to_next, kNamespaceCheckMs);
  }
}

void Tap::OnReadable(int status) {
  LiveHandle::Read outcome = LiveHandle::Read::kEmpty;
  if (!Deliver(&outcome)) return;
  if (outcome == LiveHandle::Read::kError || status < 0) Linger();
}

void Tap::OnTimer() {
  if (!lingering_) {
    if (handle_->NamespaceGone()) Linger();
    return;
  }
  LiveHandle::Read outcome = LiveHandle::Read::kEmpty;
  if (!Deliver(&outcome)) return;
  if (outcome == LiveHandle::Read::kMore && ++drained_batches_ < kMaxDrainBatches) return;  // the timer repeats
  if (draining_) return End("closed", "");
  drained_batches_ = 0;
  Judge(outcome == LiveHandle::Read::kError);
}

void Tap::Judge(bool failing) {
  if (handle_->NamespaceGone()) return End("interface-gone", "namespace " + netns_ + " is gone");
  switch (handle_->State()) {
    case LinkState::kGone:
      return End("interface-gone", interface_ + " was deleted or moved to another namespace");
    case LinkState::kDown:
      return End("interface-down", interface_ + " was set down");
    case LinkState::kUp:
      break;
  }
  if (!failing) {
    // It came back meanwhile: a flap is not an end.
    errors_in_a_row_ = 0;
    uv_timer_stop(&timer_);
    Watch();
  } else if (++errors_in_a_row_ > kMaxErrorsInARow) {
    End("failed", "reading " + interface_ + " failed; libpcap says: " + handle_->LastWords());
  } else {
    Linger();
  }
}

bool Tap::Deliver(LiveHandle::Read* outcome) {
  const Napi::Env env = Env();
  const Napi::HandleScope scope(env);
  Slab slab;
  if (!MapSlab(batch_.Value(), &slab) || slab.bytes < static_cast<size_t>(handle_->snaplen())) {
    End("failed", "the memory lent for frames is gone or smaller than the snapshot length");
    return false;
  }
  const size_t sharers = BudgetOf(env)->Sharers(poll_.loop);
  uint32_t count = 0;
  *outcome = handle_->Fill(slab, std::max(slab.frames / sharers, kMinFramesPerTurn), slab.bytes / sharers, &count);
  received_ += count;
  if (count == 0) return true;
  // MakeCallback, so that promises and nextTick callbacks of this batch run before the next. What onBatch throws
  // is caught in capture/live.ts; what remains is an environment that is being torn down, which needs no answer.
  on_batch_.MakeCallback(env.Global(), {Napi::Number::New(env, count)});
  return handle_ != nullptr;
}

void Tap::Linger() {
  lingering_ = true;
  uv_poll_stop(&poll_);
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<Tap*>(timer->data)->OnTimer(); }, linger_ms_, 1);
}

void Tap::End(const std::string& reason, const std::string& detail) {
  const Napi::Env env = Env();
  const Napi::HandleScope scope(env);
  const Napi::Function on_end = on_end_.Value();
  Stop();
  on_end.MakeCallback(env.Global(), {Napi::String::New(env, reason), Napi::String::New(env, detail)});
}

Napi::Value Tap::Facts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (handle_ == nullptr) return env.Undefined();
  Napi::Object facts = Napi::Object::New(env);
  facts["linkType"] = Napi::Number::New(env, handle_->link_type());
  facts["interfaceIndex"] = Napi::Number::New(env, handle_->if_index());
  facts["snaplenBytes"] = Napi::Number::New(env, handle_->snaplen());
  facts["nanoseconds"] = Napi::Boolean::New(env, handle_->nanoseconds());
  if (const auto promiscuous = handle_->promiscuous()) facts["promiscuous"] = Napi::Boolean::New(env, *promiscuous);
  return facts;
}

Napi::Value Tap::Stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (handle_ != nullptr) counters_ = handle_->Counters();
  Napi::Object stats = Napi::Object::New(env);
  stats["received"] = Napi::Number::New(env, static_cast<double>(received_));
  stats["droppedByKernel"] = Napi::Number::New(env, static_cast<double>(counters_.dropped_by_kernel));
  if (counters_.dropped_by_interface) {
    stats["droppedByInterface"] = Napi::Number::New(env, static_cast<double>(*counters_.dropped_by_interface));
  }
  return stats;
}

// The ring's open block comes out when the read timeout retires it; then all that it held has been delivered.
void Tap::Drain(const Napi::CallbackInfo&) {
  if (handle_ == nullptr || !running_) return Stop();
  if (draining_) return;
  draining_ = true;
  drained_batches_ = 0;
  handle_->RefuseMore();
  Linger();
}

void Tap::Close(const Napi::CallbackInfo&) { Stop(); }

void Tap::Stop() {
  if (handle_ == nullptr) return;
  counters_ = handle_->Counters();
  // The descriptor leaves the loop before libpcap closes it.
  if (running_) uv_poll_stop(&poll_);
  LiveHandle::CloseInBackground(std::move(handle_));
  batch_.Reset();
  if (!running_) return;
  on_batch_.Reset();
  on_end_.Reset();
  const auto closed = [](uv_handle_t* handle) { static_cast<Tap*>(handle->data)->HandleClosed(); };
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer_), closed);
}

void Tap::HandleClosed() {
  if (--open_uv_handles_ > 0) return;
  running_ = false;
  napi_remove_async_cleanup_hook(cleanup_hook_);
  const Napi::HandleScope scope(Env());
  Unref();  // the last use of this object, unless JavaScript holds it
}

}  // namespace bridgewatch
