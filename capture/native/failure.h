// What the world refused, on its way to becoming a CaptureError in capture/native/index.ts. The addon is built
// without C++ exceptions: nothing may unwind through libpcap's or libuv's frames.
#pragma once

#include <string>

namespace bridgewatch {

struct Failure {
  // A CaptureErrorCode of capture/source.ts.
  const char* code;
  // What was tried, with what, and what to do.
  std::string message;
};

}  // namespace bridgewatch
