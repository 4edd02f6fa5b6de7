#include "live_handle.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bridgewatch {
namespace {

constexpr size_t kCloserStackBytes = 256 * 1024;
// LOOPBACK_IFINDEX of net/flow.h: each namespace's own loopback interface has it, and no other.
constexpr int kLoopbackIndex = 1;
// Linux 4.20; older headers do not name it.
constexpr int kPacketIgnoreOutgoing = 23;

// Where the next frame goes, while pcap_dispatch runs.
struct Cursor {
  const Slab* slab;
  size_t used;
  size_t max_bytes;
  uint32_t frames;
  uint32_t nanoseconds_per_unit;
};

void CopyFrame(unsigned char* user, const PcapPacketHeader* header, const unsigned char* bytes) {
  auto* cursor = reinterpret_cast<Cursor*>(user);
  const Slab& slab = *cursor->slab;
  // Fill() left room for a frame of the snapshot length; a library that hands over more is cut, and capLen says so.
  const size_t length = std::min<size_t>(header->cap_len, cursor->max_bytes - cursor->used);
  const uint32_t i = cursor->frames++;
  memcpy(slab.data + cursor->used, bytes, length);
  slab.offset[i] = static_cast<uint32_t>(cursor->used);
  slab.cap_len[i] = static_cast<uint32_t>(length);
  slab.wire_len[i] = header->wire_len;
  slab.ts_sec[i] = static_cast<uint32_t>(header->ts.tv_sec);
  slab.ts_nsec[i] = static_cast<uint32_t>(header->ts.tv_usec) * cursor->nanoseconds_per_unit;
  cursor->used += length;
}

Failure NoInterface(const std::string& subject) {
  return {"CAPTURE_NO_INTERFACE", subject + ": no such interface; available: " + InterfaceNames()};
}

}  // namespace

std::optional<Failure> LiveHandle::Open(const LiveOptions& options, std::unique_ptr<LiveHandle>* out) {
  const Libpcap* pcap = nullptr;
  if (auto failure = LoadLibpcap(&pcap)) return failure;
  std::string subject = "cannot open " + options.interface;
  if (options.netns.empty()) return OpenHere(pcap, options, subject, out);

  subject += " in namespace " + options.netns;
  std::optional<Failure> failure;
  NamespaceIdentity identity;
  auto not_entered = RunInNamespace(options.netns, "cannot open " + options.interface, &identity,
                                    [&] { failure = OpenHere(pcap, options, subject, out); });
  if (not_entered) return not_entered;
  if (failure) return failure;
  (*out)->netns_ = options.netns;
  (*out)->namespace_identity_ = identity;
  return std::nullopt;
}

std::optional<Failure> LiveHandle::OpenHere(const Libpcap* pcap, const LiveOptions& options,
                                            const std::string& subject, std::unique_ptr<LiveHandle>* out) {
  // Asked first, because libpcap has names of its own ("any", "nflog", "usbmon0") that are not interfaces.
  if (if_nametoindex(options.interface.c_str()) == 0) return NoInterface(subject);
  char error[kPcapErrorBufferBytes] = "";
  PcapHandle* handle = pcap->create(options.interface.c_str(), error);
  if (handle == nullptr) return Failure{"CAPTURE_FAILED", subject + ": libpcap says: " + error};
  std::unique_ptr<LiveHandle> live(new LiveHandle(pcap, handle));
  if (auto failure = live->Activate(options, subject)) return failure;
  if (auto failure = live->CheckBinding(options, subject)) return failure;
  if (auto failure = live->SetFilter(options, subject)) return failure;
  *out = std::move(live);
  return std::nullopt;
}

std::optional<Failure> LiveHandle::Activate(const LiveOptions& options, const std::string& subject) {
  pcap_->set_snaplen(handle_, options.snaplen);
  pcap_->set_promisc(handle_, options.promiscuous ? 1 : 0);
  // Not immediate mode, which would give up TPACKET_V3's blocks and wake us for each frame.
  pcap_->set_timeout(handle_, options.timeout_ms);
  pcap_->set_buffer_size(handle_, options.buffer_bytes);
  if (pcap_->set_tstamp_precision != nullptr) pcap_->set_tstamp_precision(handle_, kPcapPrecisionNano);

  const int status = pcap_->activate(handle_);
  if (status < 0) {
    std::string words = pcap_->geterr(handle_);
    if (words.empty()) words = pcap_->statustostr(status);
    switch (status) {
      case kPcapErrorNoSuchDevice:
        return NoInterface(subject);
      case kPcapErrorPermissionDenied:
      case kPcapErrorPromiscuousPermissionDenied:
        return Failure{"CAPTURE_PERMISSION",
                       subject + ": not permitted (libpcap says: " + words +
                           "); run as root or with CAP_NET_RAW (and CAP_NET_ADMIN where promiscuous mode asks for it)"};
      case kPcapErrorInterfaceNotUp:
        return Failure{"CAPTURE_INTERFACE_DOWN",
                       subject + ": the interface is down; bring it up: ip link set " + options.interface + " up"};
      default:
        return Failure{"CAPTURE_FAILED", subject + ": libpcap says: " + words};
    }
  }

  char error[kPcapErrorBufferBytes] = "";
  if (pcap_->setnonblock(handle_, 1, error) != 0) {
    return Failure{"CAPTURE_FAILED", subject + ": cannot read without blocking; libpcap says: " + error};
  }
  fd_ = pcap_->get_selectable_fd(handle_);
  link_type_ = LinkTypeOfDlt(pcap_->datalink(handle_));
  frame_bytes_ = static_cast<size_t>(std::max(pcap_->snapshot(handle_), 1));
  nanoseconds_ = pcap_->get_tstamp_precision != nullptr && pcap_->get_tstamp_precision(handle_) == kPcapPrecisionNano;
  return std::nullopt;
}

std::optional<Failure> LiveHandle::CheckBinding(const LiveOptions& options, const std::string& subject) {
  // A bridge may be called "nflog", and libpcap would then open the firewall's log: believe the socket only.
  sockaddr_ll address{};
  socklen_t length = sizeof(address);
  if (fd_ < 0 || getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      address.sll_family != AF_PACKET || address.sll_ifindex <= 0) {
    return Failure{"CAPTURE_UNSUPPORTED", subject + ": libpcap opens something else under this name; rename the interface"};
  }
  if_index_ = address.sll_ifindex;
  if (if_index_ == kLoopbackIndex) {
    // A packet passes there twice, on its way out and in, and libpcap throws the first away once it is read. This way
    // it does not take room in the ring; where the kernel is too old for that, it does.
    const int on = 1;
    setsockopt(fd_, SOL_PACKET, kPacketIgnoreOutgoing, &on, sizeof(on));
  }

  const std::optional<LinkFacts> facts = QueryLink(if_index_);
  // In another namespace the counter cannot be asked again later without entering it: unknown there.
  if (facts && options.netns.empty()) interface_dropped_at_open_ = facts->dropped;
  if (facts) promiscuous_ = facts->promiscuity > 0;
  // Without it a bridge shows no frame between two containers: blind is worse than not open.
  if (options.promiscuous && facts && facts->promiscuity == 0) {
    return Failure{"CAPTURE_FAILED",
                   subject + ": asked for promiscuous mode, but the kernel does not have it on; containers that talk to"
                             " each other would not be seen"};
  }
  return std::nullopt;
}

std::optional<Failure> LiveHandle::SetFilter(const LiveOptions& options, const std::string& subject) {
  // Also for an empty expression: its program cuts frames at the snapshot length in the kernel, and only a program
  // can; else the ring would hold what nobody wants.
  BpfProgram program;
  {
    CompileLock lock;
    if (pcap_->compile(handle_, &program, options.filter.c_str(), 1, kPcapNetmaskUnknown) != 0) {
      return Failure{"CAPTURE_BAD_FILTER", subject + ": bad filter \"" + options.filter +
                                               "\"; libpcap says: " + pcap_->geterr(handle_) + "; see pcap-filter(7)"};
    }
  }
  const int status = pcap_->setfilter(handle_, &program);
  pcap_->freecode(&program);
  if (status != 0) {
    return Failure{"CAPTURE_FAILED", subject + ": cannot install filter \"" + options.filter +
                                         "\"; libpcap says: " + pcap_->geterr(handle_)};
  }
  return std::nullopt;
}

void LiveHandle::CloseInBackground(std::unique_ptr<LiveHandle> handle) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kCloserStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const auto close = [](void* argument) -> void* {
    delete static_cast<LiveHandle*>(argument);
    return nullptr;
  };
  // Without a thread, here and now.
  if (pthread_create(&thread, &attributes, close, handle.get()) == 0) handle.release();
  pthread_attr_destroy(&attributes);
}

LiveHandle::~LiveHandle() { pcap_->close(handle_); }

LiveHandle::Read LiveHandle::Fill(const Slab& slab, size_t max_frames, size_t max_bytes, uint32_t* count) {
  max_frames = std::min(max_frames, slab.frames);
  max_bytes = std::min(std::max(max_bytes, frame_bytes_), slab.bytes);
  // With a libpcap without nanoseconds the field holds microseconds.
  Cursor cursor{&slab, 0, max_bytes, 0, nanoseconds_ ? 1U : 1000U};
  Read outcome = Read::kMore;
  while (cursor.frames < max_frames) {
    // As many as surely fit, again until they do not: pcap_breakloop would act only at the end of a ring block.
    const size_t fit = std::min((max_bytes - cursor.used) / frame_bytes_, max_frames - cursor.frames);
    if (fit == 0) break;
    const int got = pcap_->dispatch(handle_, static_cast<int>(fit), CopyFrame, reinterpret_cast<unsigned char*>(&cursor));
    if (got < 0) {
      outcome = Read::kError;
      break;
    }
    if (static_cast<size_t>(got) < fit) {
      outcome = Read::kEmpty;
      break;
    }
  }
  *count = cursor.frames;
  return outcome;
}

bool LiveHandle::RefuseMore() {
  // Not pcap_setfilter(): libpcap would apply the new program to what is already in the ring.
  sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_fprog program = {1, nothing};
  return setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

LiveCounters LiveHandle::Counters() {
  PcapStats stats{};
  if (pcap_->stats(handle_, &stats) == 0) {
    dropped_ += static_cast<uint32_t>(stats.dropped - last_dropped_);
    last_dropped_ = stats.dropped;
  }
  LiveCounters counters;
  counters.dropped_by_kernel = dropped_;
  // libpcap's own figure comes from /sys, which may show another namespace.
  if (interface_dropped_at_open_) {
    if (const auto facts = QueryLink(if_index_)) {
      counters.dropped_by_interface = facts->dropped - std::min(facts->dropped, *interface_dropped_at_open_);
    }
  }
  return counters;
}

}  // namespace bridgewatch
