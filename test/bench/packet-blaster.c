/*
 * Sends UDP frames out of one interface as fast as one core can, or at a given rate, for the capture benches and
 * for tests of loss. Meant for a veth in a network namespace of the test's own; needs CAP_NET_RAW.
 *
 *   packet-blaster IFACE SECONDS FRAME_BYTES PACKETS_PER_SECOND(0 = all it can) [MAX_PACKETS(0 = no limit)]
 *
 * Source ports walk through 1024..65535 and the first payload bytes are a big-endian sequence number, so that a
 * receiver can find each hole. Prints one JSON line: {"sent":N,"seconds":S,"cpuSeconds":C}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BURST = 64, HEADERS = 14 + 20 + 8, MIN_FRAME = HEADERS + 8, MAX_FRAME = 9000 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The bytes that every frame has. The IPv4 checksum must be right: a bridge with br_netfilter drops others. */
static void fill(uint8_t *frame, size_t bytes) {
  const uint16_t ip_bytes = (uint16_t)(bytes - 14), udp_bytes = (uint16_t)(bytes - 34);
  const uint8_t headers[HEADERS] = {
      2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, /* Ethernet */
      0x45, 0, (uint8_t)(ip_bytes >> 8), (uint8_t)ip_bytes, 0, 0, 0x40, 0, 64, 17, 0, 0, /* IPv4 */
      198, 51, 100, 1, 198, 51, 100, 2,
      0, 0, 0x13, 0x89, (uint8_t)(udp_bytes >> 8), (uint8_t)udp_bytes, 0, 0, /* UDP to port 5001, no checksum */
  };
  memcpy(frame, headers, sizeof headers);
  uint32_t sum = 0;
  for (int i = 14; i < 34; i += 2) sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  frame[24] = (uint8_t)(~sum >> 8);
  frame[25] = (uint8_t)~sum;
}

static void number(uint8_t *frame, uint64_t sequence) {
  const uint16_t source_port = (uint16_t)(1024 + sequence % 64512);
  frame[34] = (uint8_t)(source_port >> 8);
  frame[35] = (uint8_t)source_port;
  for (int i = 0; i < 8; i++) frame[HEADERS + i] = (uint8_t)(sequence >> (56 - 8 * i));
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: %s IFACE SECONDS FRAME_BYTES PACKETS_PER_SECOND [MAX_PACKETS]\n", argv[0]);
    return 2;
  }
  const double seconds = atof(argv[2]);
  const size_t bytes = (size_t)atol(argv[3]);
  const double rate = atof(argv[4]);
  const uint64_t limit = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
  if (seconds <= 0 || seconds > 30 || bytes < MIN_FRAME || bytes > MAX_FRAME) {
    fprintf(stderr, "SECONDS is 0..30, FRAME_BYTES is %d..%d\n", MIN_FRAME, MAX_FRAME);
    return 2;
  }
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0) {
    fprintf(stderr, "cannot send on %s: %s\n", argv[1], strerror(errno));
    return 1;
  }
  const int on = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);

  static uint8_t frames[BURST][MAX_FRAME];
  struct iovec parts[BURST];
  struct mmsghdr messages[BURST];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BURST; i++) {
    fill(frames[i], bytes);
    parts[i] = (struct iovec){frames[i], bytes};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }

  const double start = now();
  uint64_t sent = 0;
  for (;;) {
    const double elapsed = now() - start;
    if (elapsed >= seconds || (limit > 0 && sent >= limit)) break;
    if (rate > 0 && (double)sent > elapsed * rate) {
      usleep(200);
      continue;
    }
    unsigned count = BURST;
    if (limit > 0 && limit - sent < count) count = (unsigned)(limit - sent);
    for (unsigned i = 0; i < count; i++) number(frames[i], sent + i);
    const int done = sendmmsg(fd, messages, count, 0);
    if (done > 0) sent += (uint64_t)done;
    else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
      fprintf(stderr, "send failed after %llu frames: %s\n", (unsigned long long)sent, strerror(errno));
      return 1;
    }
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  printf("{\"sent\":%llu,\"seconds\":%.3f,\"cpuSeconds\":%.3f}\n", (unsigned long long)sent, now() - start, cpu);
  return 0;
}
