// A NETLINK_NETFILTER socket: opened where it is wanted, subscribed, read without blocking. It hands out datagrams as
// they came; what is in them is parsed in TypeScript. Knows nothing of JavaScript and of event loops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "failure.h"

namespace bridgewatch {

struct NetlinkOptions {
  std::string netns;         // empty: stay in ours
  std::vector<int> groups;   // NFNLGRP_ numbers
  int buffer_bytes = 0;
};

// The memory that JavaScript lends for one batch.
struct DatagramSlab {
  uint8_t* data = nullptr;
  size_t bytes = 0;
  uint32_t* offset = nullptr;
  uint32_t* length = nullptr;
  size_t datagrams = 0;
};

class NetlinkSocket {
 public:
  // The kernel fills an answer to a dump up to this size, and events are smaller (NLMSG_GOODSIZE).
  static constexpr size_t kMaxDatagramBytes = 32 * 1024;

  static std::optional<Failure> Open(const NetlinkOptions& options, std::unique_ptr<NetlinkSocket>* out);
  ~NetlinkSocket();
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  enum class Read { kMore, kEmpty, kError };
  // Reads until the queue is empty or the slab is full. `*overruns`: how often messages were thrown away since the
  // last reading (ENOBUFS, or one that did not fit); how many of them they were, Drops() knows.
  Read Fill(const DatagramSlab& slab, uint32_t* count, uint32_t* overruns);

  // 0, or the errno of the refusal.
  int Send(const uint8_t* data, size_t bytes);

  // Messages that the kernel threw away because nobody read; nullopt before Linux 4.12.
  std::optional<uint32_t> Drops() const;

  int fd() const { return fd_; }
  int last_error() const { return last_error_; }

 private:
  explicit NetlinkSocket(int fd) : fd_(fd) {}
  static std::optional<Failure> OpenHere(const NetlinkOptions& options, const std::string& subject,
                                         std::unique_ptr<NetlinkSocket>* out);

  int fd_;
  int last_error_ = 0;
};

}  // namespace bridgewatch
