// readInNamespace() of the addon: off the event loop, since a thread and two counter files take 0.1 ms on an idle
// machine and many times that on a busy one, and are asked for each container again and again.
#pragma once

#include <napi.h>

namespace bridgewatch {

// readInNamespace(path, names): a promise of the texts of /proc/thread-self/<name>, undefined for one that cannot
// be read.
Napi::Value ReadInNamespaceAsync(const Napi::CallbackInfo& info);

}  // namespace bridgewatch
