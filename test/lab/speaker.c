/*
 * Speaks in the lab under a label of its own, so that whoever reads the packets knows who sent them without knowing
 * any address: every payload is "bw:LABEL;".
 *
 *   speaker listen                              answers on TCP and UDP port 7000, both families, until it is ended
 *   speaker LABEL ADDRESS [hold|linger|burst]   to ADDRESS: TCP from any port, UDP from port 4000 always, one ICMP echo
 *
 * The fixed UDP port and the portless echo make two containers that hold one address after the other
 * indistinguishable by their flow keys. `hold` then says "spoken" on stdout and keeps the TCP connection open until
 * the end, `linger` for two seconds, `burst` makes three.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 7000, UDP_SOURCE_PORT = 4000, ANSWER_MS = 1000 };

typedef union {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} address;

static void give_up(const char *what) {
  perror(what);
  exit(1);
}

static socklen_t length_of(const address *at) {
  return at->any.sa_family == AF_INET ? sizeof at->v4 : sizeof at->v6;
}

static address parse(const char *text, uint16_t port) {
  address at = {0};
  if (inet_pton(AF_INET, text, &at.v4.sin_addr) == 1) {
    at.v4.sin_family = AF_INET;
    at.v4.sin_port = htons(port);
  } else if (inet_pton(AF_INET6, text, &at.v6.sin6_addr) == 1) {
    at.v6.sin6_family = AF_INET6;
    at.v6.sin6_port = htons(port);
  } else {
    fprintf(stderr, "no address: %s\n", text);
    exit(2);
  }
  return at;
}

static int bound(int family, int type, uint16_t port) {
  int fd = socket(family, type, 0), on = 1, off = 0;
  if (fd < 0) give_up("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  address at = {0};
  at.any.sa_family = family;
  if (family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    at.v6.sin6_port = htons(port);
  } else {
    at.v4.sin_port = htons(port);
  }
  if (bind(fd, &at.any, length_of(&at)) < 0) give_up("bind");
  return fd;
}

static void wait_for_answer(int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN};
  char answer[256];
  if (poll(&one, 1, ANSWER_MS) == 1 && read(fd, answer, sizeof answer) < 0) perror("read");
}

static int talk_tcp(const char *text, const char *label) {
  address to = parse(text, PORT);
  int fd = socket(to.any.sa_family, SOCK_STREAM, 0);
  if (fd < 0) give_up("socket");
  if (connect(fd, &to.any, length_of(&to)) < 0) {
    perror("connect");
    return fd;
  }
  if (write(fd, label, strlen(label)) < 0) perror("write");
  wait_for_answer(fd);
  return fd;
}

static void talk_udp(const char *text, const char *label) {
  address to = parse(text, PORT);
  int fd = bound(to.any.sa_family, SOCK_DGRAM, UDP_SOURCE_PORT);
  if (sendto(fd, label, strlen(label), 0, &to.any, length_of(&to)) < 0) perror("sendto");
  wait_for_answer(fd);
  close(fd);
}

static uint16_t checksum(const uint8_t *data, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i < length; i++) sum += (uint32_t)data[i] << (i % 2 == 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static void talk_icmp(const char *text, const char *label) {
  address to = parse(text, 0);
  int is_v4 = to.any.sa_family == AF_INET;
  int fd = socket(to.any.sa_family, SOCK_RAW, is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
  if (fd < 0) {
    perror("raw socket");
    return;
  }
  uint8_t message[8 + 128] = {is_v4 ? 8 : 128, 0, 0, 0, 0, 7, 0, 1};
  size_t length = 8 + strlen(label);
  if (length > sizeof message) length = sizeof message;
  memcpy(message + 8, label, length - 8);
  if (is_v4) { /* the kernel fills in that of ICMPv6 */
    uint16_t sum = checksum(message, length);
    message[2] = (uint8_t)(sum >> 8);
    message[3] = (uint8_t)sum;
  }
  if (sendto(fd, message, length, 0, &to.any, length_of(&to)) < 0) perror("sendto");
  wait_for_answer(fd);
  close(fd);
}

static void listen_forever(void) {
  signal(SIGCHLD, SIG_IGN);
  int tcp = bound(AF_INET6, SOCK_STREAM, PORT), udp = bound(AF_INET6, SOCK_DGRAM, PORT);
  if (listen(tcp, 128) < 0) give_up("listen");
  for (;;) {
    struct pollfd both[] = {{.fd = tcp, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
    if (poll(both, 2, -1) < 0) continue;
    char text[256];
    if (both[1].revents != 0) {
      address from;
      socklen_t size = sizeof from;
      ssize_t got = recvfrom(udp, text, sizeof text, 0, &from.any, &size);
      if (got > 0 && sendto(udp, text, (size_t)got, 0, &from.any, size) < 0) perror("sendto");
    }
    if (both[0].revents == 0) continue;
    int fd = accept(tcp, NULL, NULL);
    if (fd < 0) continue;
    if (fork() == 0) {
      ssize_t got;
      while ((got = read(fd, text, sizeof text)) > 0)
        if (write(fd, text, (size_t)got) < 0) break;
      _exit(0);
    }
    close(fd);
  }
}

static void end(int signal_number) { _exit(128 + signal_number); }

int main(int count, char **words) {
  /* As process 1 of a container it has no default actions. */
  signal(SIGTERM, end);
  if (count == 2 && strcmp(words[1], "listen") == 0) listen_forever();
  if (count < 3) {
    fprintf(stderr, "usage: speaker listen | speaker LABEL ADDRESS [hold|linger|burst]\n");
    return 2;
  }
  const char *how = count > 3 ? words[3] : "";
  char label[128];
  snprintf(label, sizeof label, "bw:%s;", words[1]);
  int connections = strcmp(how, "burst") == 0 ? 3 : 1;
  int fd = -1;
  for (int i = 0; i < connections; i++) {
    if (fd >= 0) close(fd);
    fd = talk_tcp(words[2], label);
  }
  talk_udp(words[2], label);
  talk_icmp(words[2], label);
  if (strcmp(how, "linger") == 0) sleep(2);
  if (strcmp(how, "hold") == 0) {
    puts("spoken");
    fflush(stdout);
    pause();
  }
  close(fd);
  return 0;
}
