#include "netlink_socket.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "namespace.h"

namespace bridgewatch {
namespace {

const char kSubject[] = "cannot listen to the kernel's connection tracking";

Failure Refused(const std::string& subject, int error) {
  if (error == EPERM || error == EACCES) {
    return {"CAPTURE_PERMISSION",
            subject + ": not permitted (" + strerror(error) + "); run as root, or with CAP_NET_ADMIN"};
  }
  if (error == EPROTONOSUPPORT || error == EAFNOSUPPORT) {
    return {"CAPTURE_UNSUPPORTED",
            subject + ": this kernel has no netfilter netlink (" + strerror(error) + "); load nfnetlink"};
  }
  return {"CAPTURE_FAILED", subject + ": " + strerror(error)};
}

}  // namespace

std::optional<Failure> NetlinkSocket::Open(const NetlinkOptions& options, std::unique_ptr<NetlinkSocket>* out) {
  if (options.netns.empty()) return OpenHere(options, kSubject, out);
  std::optional<Failure> failure;
  auto not_entered = RunInNamespace(options.netns, kSubject, nullptr, [&] {
    failure = OpenHere(options, std::string(kSubject) + " in namespace " + options.netns, out);
  });
  return not_entered ? not_entered : failure;
}

std::optional<Failure> NetlinkSocket::OpenHere(const NetlinkOptions& options, const std::string& subject,
                                               std::unique_ptr<NetlinkSocket>* out) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
  if (fd < 0) return Refused(subject, errno);
  std::unique_ptr<NetlinkSocket> opened(new NetlinkSocket(fd));
  // FORCE goes beyond net.core.rmem_max and needs CAP_NET_ADMIN, as all of this does.
  const int bytes = options.buffer_bytes;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return Refused(subject, errno);
  for (const int group : options.groups) {
    if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0) {
      return Refused(subject, errno);
    }
  }
  *out = std::move(opened);
  return std::nullopt;
}

NetlinkSocket::~NetlinkSocket() { close(fd_); }

NetlinkSocket::Read NetlinkSocket::Fill(const DatagramSlab& slab, uint32_t* count, uint32_t* overruns) {
  size_t used = 0;
  *count = 0;
  *overruns = 0;
  // Counted apart from `*count`: what another process sends us must not keep us here either.
  for (size_t reads = 0; reads < slab.datagrams; reads++) {
    if (slab.bytes - used < kMaxDatagramBytes) return Read::kMore;
    sockaddr_nl sender{};
    iovec space{slab.data + used, kMaxDatagramBytes};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof(sender);
    message.msg_iov = &space;
    message.msg_iovlen = 1;
    const ssize_t got = recvmsg(fd_, &message, 0);
    if (got < 0) {
      if (errno == EAGAIN) return Read::kEmpty;
      if (errno == EINTR) continue;
      if (errno == ENOBUFS) {
        ++*overruns;
        continue;
      }
      last_error_ = errno;
      return Read::kError;
    }
    if (sender.nl_pid != 0) continue;  // only the kernel is believed
    if ((message.msg_flags & MSG_TRUNC) != 0) {
      ++*overruns;
      continue;
    }
    slab.offset[*count] = static_cast<uint32_t>(used);
    slab.length[*count] = static_cast<uint32_t>(got);
    ++*count;
    // The next one begins where structures may: netlink aligns to 4 bytes.
    used += NLMSG_ALIGN(static_cast<size_t>(got));
  }
  return Read::kMore;
}

int NetlinkSocket::Send(const uint8_t* data, size_t bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  for (;;) {
    if (sendto(fd_, data, bytes, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel)) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

std::optional<uint32_t> NetlinkSocket::Drops() const {
  uint32_t numbers[SK_MEMINFO_VARS] = {};
  socklen_t bytes = sizeof(numbers);
  if (getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, numbers, &bytes) != 0) return std::nullopt;
  return numbers[SK_MEMINFO_DROPS];
}

}  // namespace bridgewatch
