#include "netlink.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "environment.h"
#include "slab.h"

namespace bridgewatch {

Napi::Function Netlink::Define(Napi::Env env) {
  return DefineClass(env, "Netlink",
                     {InstanceMethod<&Netlink::Run>("run"), InstanceMethod<&Netlink::Send>("send"),
                      InstanceMethod<&Netlink::Drops>("drops"), InstanceMethod<&Netlink::Close>("close")});
}

Netlink::Netlink(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Netlink>(info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsObject() || !info[1].IsObject()) {
    Napi::TypeError::New(env, "Netlink(options, batch)").ThrowAsJavaScriptException();
    return;
  }
  const auto given = info[0].As<Napi::Object>();
  NetlinkOptions options;
  options.netns = given.Get("netns").ToString();
  options.buffer_bytes = given.Get("bufferBytes").ToNumber();
  if (!given.Get("groups").IsArray()) {
    Napi::TypeError::New(env, "groups must be an array").ThrowAsJavaScriptException();
    return;
  }
  const auto groups = given.Get("groups").As<Napi::Array>();
  for (uint32_t i = 0; i < groups.Length(); i++) options.groups.push_back(groups.Get(i).ToNumber());
  if (env.IsExceptionPending()) return;

  if (auto failure = NetlinkSocket::Open(options, &socket_)) {
    Throw(env, *failure);
    return;
  }
  batch_ = Napi::Persistent(info[1].As<Napi::Object>());
}

// Collected without close(): Stop() has nothing to do if that came first.
Netlink::~Netlink() { Stop(); }

void Netlink::Run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (socket_ == nullptr || running_ || info.Length() != 2 || !info[0].IsFunction() || !info[1].IsFunction()) {
    Napi::TypeError::New(env, "run(onBatch, onEnd) once, on an open socket").ThrowAsJavaScriptException();
    return;
  }
  if (uv_poll_init(LoopOf(env), &poll_, socket_->fd()) != 0) {
    Throw(env, {"CAPTURE_FAILED", "cannot watch a netlink socket: the event loop does not take its descriptor"});
    return;
  }
  poll_.data = this;
  running_ = true;
  on_batch_ = Napi::Persistent(info[0].As<Napi::Function>());
  on_end_ = Napi::Persistent(info[1].As<Napi::Function>());
  Ref();
  // process.exit() and the end of a worker come here: libuv's handle must be closed before its loop is.
  napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void* self) { static_cast<Netlink*>(self)->Stop(); }, this,
      &cleanup_hook_);
  Watch();
}

void Netlink::Watch() {
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int status, int) {
    static_cast<Netlink*>(poll->data)->OnReadable(status);
  });
}

void Netlink::OnReadable(int status) {
  const Napi::Env env = Env();
  const Napi::HandleScope scope(env);
  DatagramSlab slab;
  if (!MapBatch(&slab)) return End("the memory lent for messages is gone or too small");
  uint32_t count = 0;
  uint32_t overruns = 0;
  const NetlinkSocket::Read outcome = socket_->Fill(slab, &count, &overruns);
  if (count > 0 || overruns > 0) {
    on_batch_.MakeCallback(env.Global(), {Napi::Number::New(env, count),
                                          Napi::Boolean::New(env, outcome == NetlinkSocket::Read::kEmpty),
                                          Napi::Number::New(env, overruns)});
  }
  if (socket_ == nullptr) return;  // closed meanwhile
  if (outcome == NetlinkSocket::Read::kError) return End(strerror(socket_->last_error()));
  // An overrun makes the socket report an error, at which libuv stops watching; reading has cleared it.
  if (status < 0) Watch();
}

bool Netlink::MapBatch(DatagramSlab* slab) {
  const auto batch = batch_.Value();
  size_t lengths = 0;
  if (!MapDataView(batch.Get("data"), &slab->data, &slab->bytes) ||
      !MapNumbers(batch.Get("offset"), &slab->offset, &slab->datagrams) ||
      !MapNumbers(batch.Get("length"), &slab->length, &lengths)) {
    return false;
  }
  slab->datagrams = std::min(slab->datagrams, lengths);
  return slab->datagrams > 0 && slab->bytes >= NetlinkSocket::kMaxDatagramBytes;
}

void Netlink::Send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (socket_ == nullptr || info.Length() != 1 || !info[0].IsTypedArray() ||
      info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    Napi::TypeError::New(env, "send(Uint8Array), on an open socket").ThrowAsJavaScriptException();
    return;
  }
  const auto bytes = info[0].As<Napi::Uint8Array>();
  if (const int error = socket_->Send(bytes.Data(), bytes.ByteLength())) {
    Throw(env, {"CAPTURE_FAILED", std::string("cannot ask the kernel for its connections: ") + strerror(error)});
  }
}

Napi::Value Netlink::Drops(const Napi::CallbackInfo& info) {
  const auto drops = socket_ == nullptr ? std::nullopt : socket_->Drops();
  return drops ? Napi::Number::New(info.Env(), *drops) : info.Env().Undefined();
}

void Netlink::Close(const Napi::CallbackInfo&) { Stop(); }

void Netlink::End(const std::string& detail) {
  const Napi::Env env = Env();
  const Napi::HandleScope scope(env);
  const Napi::Function on_end = on_end_.Value();
  Stop();
  on_end.MakeCallback(env.Global(), {Napi::String::New(env, detail)});
}

void Netlink::Stop() {
  if (socket_ == nullptr) return;
  // The descriptor leaves the loop before it is closed.
  if (running_) uv_poll_stop(&poll_);
  socket_.reset();
  batch_.Reset();
  if (!running_) return;
  on_batch_.Reset();
  on_end_.Reset();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
           [](uv_handle_t* handle) { static_cast<Netlink*>(handle->data)->HandleClosed(); });
}

void Netlink::HandleClosed() {
  running_ = false;
  napi_remove_async_cleanup_hook(cleanup_hook_);
  const Napi::HandleScope scope(Env());
  Unref();  // the last use of this object, unless JavaScript holds it
}

}  // namespace bridgewatch
