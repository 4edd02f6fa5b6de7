// What the addon keeps for each JavaScript environment (the main thread and each worker have their own), and how a
// Failure becomes an Error there.
#pragma once

#include <napi.h>
#include <uv.h>

#include "failure.h"
#include "turn_budget.h"

namespace bridgewatch {

inline TurnBudget* BudgetOf(Napi::Env env) { return env.GetInstanceData<TurnBudget>(); }

inline uv_loop_t* LoopOf(Napi::Env env) {
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  return loop;
}

inline Napi::Error ErrorOf(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", Napi::String::New(env, failure.code));
  return error;
}

inline void Throw(Napi::Env env, const Failure& failure) { ErrorOf(env, failure).ThrowAsJavaScriptException(); }

}  // namespace bridgewatch
