#include "link.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

namespace bridgewatch {
namespace {

constexpr int kMaxNames = 40;
// The answer about one link: 1-2 KiB, more with many virtual functions.
constexpr size_t kAnswerBytes = 32 * 1024;

struct LinkRequest {
  nlmsghdr header;
  ifinfomsg link;
};

LinkFacts ReadFacts(const nlmsghdr* message) {
  LinkFacts facts;
  const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  auto left = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(sizeof(ifinfomsg)));
  for (const rtattr* attribute = IFLA_RTA(link); RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
    const size_t bytes = RTA_PAYLOAD(attribute);
    if (attribute->rta_type == IFLA_PROMISCUITY && bytes >= sizeof(uint32_t)) {
      memcpy(&facts.promiscuity, RTA_DATA(attribute), sizeof(uint32_t));
    }
    if (attribute->rta_type == IFLA_STATS64 && bytes >= offsetof(rtnl_link_stats64, rx_compressed)) {
      rtnl_link_stats64 stats{};
      memcpy(&stats, RTA_DATA(attribute), bytes < sizeof(stats) ? bytes : sizeof(stats));
      facts.dropped = stats.rx_missed_errors + stats.rx_fifo_errors;
    }
  }
  return facts;
}

}  // namespace

std::optional<LinkFacts> QueryLink(int if_index) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return std::nullopt;
  LinkRequest request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_family = AF_UNSPEC;
  request.link.ifi_index = if_index;
  // The kernel answers before send() returns; the limit is against surprises.
  const timeval limit{0, 200'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));

  std::optional<LinkFacts> facts;
  alignas(nlmsghdr) char answer[kAnswerBytes];
  if (send(fd, &request, sizeof(request), 0) == static_cast<ssize_t>(sizeof(request))) {
    const ssize_t got = recv(fd, answer, sizeof(answer), 0);
    const auto* message = reinterpret_cast<const nlmsghdr*>(answer);
    if (got > 0 && NLMSG_OK(message, static_cast<size_t>(got)) && message->nlmsg_type == RTM_NEWLINK) {
      facts = ReadFacts(message);
    }
  }
  close(fd);
  return facts;
}

std::string InterfaceNames() {
  struct if_nameindex* all = if_nameindex();
  if (all == nullptr) return "unknown";
  std::string names;
  int count = 0;
  for (const struct if_nameindex* entry = all; entry->if_index != 0; entry++, count++) {
    if (count >= kMaxNames) continue;
    if (count > 0) names += ", ";
    names += entry->if_name;
  }
  if_freenameindex(all);
  if (count > kMaxNames) names += " and " + std::to_string(count - kMaxNames) + " more";
  return count == 0 ? "none" : names;
}

LinkState StateOfLink(int socket_fd, int if_index) {
  ifreq request{};
  request.ifr_ifindex = if_index;
  if (ioctl(socket_fd, SIOCGIFNAME, &request) != 0) return LinkState::kGone;
  if (ioctl(socket_fd, SIOCGIFFLAGS, &request) != 0) return LinkState::kGone;
  // IFF_UP, not IFF_RUNNING: a bridge without carrier is up, and the first container may start at any moment.
  return (request.ifr_flags & IFF_UP) != 0 ? LinkState::kUp : LinkState::kDown;
}

}  // namespace bridgewatch
