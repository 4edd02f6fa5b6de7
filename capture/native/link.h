// What the kernel says about network interfaces, asked over netlink and ioctl instead of sysfs: /sys shows the
// namespace in which it was mounted, which need not be the one we look at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace bridgewatch {

struct LinkFacts {
  // How many users (packet sockets, bridges, `ip link set promisc on`) keep the interface promiscuous.
  uint32_t promiscuity = 0;
  // Frames that the interface lost before any tap could see them.
  uint64_t dropped = 0;
};

// Facts of an interface in the namespace of the calling thread; nullopt when the kernel does not answer.
std::optional<LinkFacts> QueryLink(int if_index);

// `docker0, br-1a2b3c4d5e6f, lo` of the calling thread's namespace, at most a line of them.
std::string InterfaceNames();

enum class LinkState { kUp, kDown, kGone };

// Asked through a socket, thus in that socket's namespace, and by index: a new interface under an old name is
// another interface.
LinkState StateOfLink(int socket_fd, int if_index);

}  // namespace bridgewatch
