// How much one tap may hand over in one turn of the event loop. There may be a tap for each container, and timers
// and sockets are served only between turns: the taps that are busy share one turn's worth.
#pragma once

#include <uv.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace bridgewatch {

class TurnBudget {
 public:
  // The divisor for the caller's share in this turn: the number of taps served in the previous turn, or in this
  // one if that is more.
  size_t Sharers(uv_loop_t* loop) {
    uv_metrics_t metrics{};
    uv_metrics_info(loop, &metrics);
    if (metrics.loop_count != turn_) {
      served_before_ = metrics.loop_count == turn_ + 1 ? served_ : 1;
      served_ = 0;
      turn_ = metrics.loop_count;
    }
    served_++;
    return std::max<size_t>({served_before_, served_, 1});
  }

 private:
  uint64_t turn_ = 0;
  size_t served_ = 0;
  size_t served_before_ = 1;
};

}  // namespace bridgewatch
