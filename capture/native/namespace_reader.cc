#include "namespace_reader.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "environment.h"
#include "namespace.h"

namespace bridgewatch {
namespace {

// The counter files of /proc/net are 1-8 KiB.
constexpr size_t kMaxFileBytes = 64 * 1024;

class NamespaceReader : public Napi::AsyncWorker {
 public:
  NamespaceReader(Napi::Env env, std::string path, std::vector<std::string> names)
      : AsyncWorker(env, "bridgewatch:readInNamespace"),
        deferred_(Napi::Promise::Deferred::New(env)),
        path_(std::move(path)),
        names_(std::move(names)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override { failure_ = ReadInNamespace(path_, names_, kMaxFileBytes, &texts_); }

  void OnOK() override {
    if (failure_) {
      deferred_.Reject(ErrorOf(Env(), *failure_).Value());
      return;
    }
    Napi::Array answer = Napi::Array::New(Env(), texts_.size());
    for (uint32_t i = 0; i < texts_.size(); i++) {
      answer[i] = texts_[i] ? Napi::Value(Napi::String::New(Env(), *texts_[i])) : Env().Undefined();
    }
    deferred_.Resolve(answer);
  }

 private:
  Napi::Promise::Deferred deferred_;
  const std::string path_;
  const std::vector<std::string> names_;
  std::vector<std::optional<std::string>> texts_;
  std::optional<Failure> failure_;
};

}  // namespace

Napi::Value ReadInNamespaceAsync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsString() || !info[1].IsArray()) {
    Napi::TypeError::New(env, "readInNamespace(path, names)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const auto given = info[1].As<Napi::Array>();
  std::vector<std::string> names;
  for (uint32_t i = 0; i < given.Length(); i++) names.push_back(given.Get(i).ToString());
  auto* reader = new NamespaceReader(env, info[0].As<Napi::String>(), std::move(names));
  const Napi::Promise promise = reader->Promise();
  reader->Queue();  // deletes itself when done
  return promise;
}

}  // namespace bridgewatch
