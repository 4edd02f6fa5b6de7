// One open live capture: libpcap's handle and what we learned while opening it. Knows nothing of JavaScript and of
// event loops; never blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "failure.h"
#include "libpcap.h"
#include "link.h"
#include "namespace.h"
#include "slab.h"

namespace bridgewatch {

// LiveOptions of capture/source.ts, checked and with its defaults filled in by capture/live.ts.
struct LiveOptions {
  std::string interface;
  std::string netns;  // empty: stay in ours
  std::string filter;
  int snaplen = 0;
  int buffer_bytes = 0;
  int timeout_ms = 0;
  bool promiscuous = false;
};

struct LiveCounters {
  uint64_t dropped_by_kernel = 0;
  std::optional<uint64_t> dropped_by_interface;
};

class LiveHandle {
 public:
  static std::optional<Failure> Open(const LiveOptions& options, std::unique_ptr<LiveHandle>* out);
  // Closing a packet socket waits for RCU in the kernel, measured 10-25 ms: that wait is given to a thread.
  static void CloseInBackground(std::unique_ptr<LiveHandle> handle);
  ~LiveHandle();
  LiveHandle(const LiveHandle&) = delete;
  LiveHandle& operator=(const LiveHandle&) = delete;

  enum class Read { kMore, kEmpty, kError };
  // Copies frames from the ring into the slab: at most `max_frames`, and at most `max_bytes` (raised to one frame).
  // `*count` is right after each outcome.
  Read Fill(const Slab& slab, size_t max_frames, size_t max_bytes, uint32_t* count);

  // From now on the kernel puts nothing more into the ring; what is there stays to be read. False when it refused.
  bool RefuseMore();

  LinkState State() const { return StateOfLink(fd_, if_index_); }
  bool NamespaceGone() const { return !netns_.empty() && !NamespaceStillAt(netns_, namespace_identity_); }
  LiveCounters Counters();
  std::string LastWords() const { return pcap_->geterr(handle_); }

  int fd() const { return fd_; }
  int link_type() const { return link_type_; }
  int if_index() const { return if_index_; }
  int snaplen() const { return static_cast<int>(frame_bytes_); }
  bool nanoseconds() const { return nanoseconds_; }
  // Verified with the kernel; nullopt when it did not answer.
  std::optional<bool> promiscuous() const { return promiscuous_; }

 private:
  LiveHandle(const Libpcap* pcap, PcapHandle* handle) : pcap_(pcap), handle_(handle) {}
  static std::optional<Failure> OpenHere(const Libpcap* pcap, const LiveOptions& options, const std::string& subject,
                                         std::unique_ptr<LiveHandle>* out);
  std::optional<Failure> Activate(const LiveOptions& options, const std::string& subject);
  std::optional<Failure> CheckBinding(const LiveOptions& options, const std::string& subject);
  std::optional<Failure> SetFilter(const LiveOptions& options, const std::string& subject);

  const Libpcap* pcap_;
  PcapHandle* handle_;
  int fd_ = -1;
  int if_index_ = 0;
  int link_type_ = 0;
  size_t frame_bytes_ = 0;
  bool nanoseconds_ = false;
  std::optional<bool> promiscuous_;
  std::string netns_;
  NamespaceIdentity namespace_identity_;
  // libpcap counts in 32 bits, which wrap; the differences are summed in 64.
  uint32_t last_dropped_ = 0;
  uint64_t dropped_ = 0;
  std::optional<uint64_t> interface_dropped_at_open_;
};

}  // namespace bridgewatch
