/*
 * The floor that the bench compares with: libpcap reading a file and doing nothing with it.
 * Build: cc -O2 -o libpcap-bare libpcap-bare.c -lpcap
 * Use:   libpcap-bare next|dispatch FILE   (pcap_next_ex a packet, or pcap_dispatch with an empty handler)
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct totals {
  unsigned long long packets;
  unsigned long long bytes;
};

static void count(u_char *user, const struct pcap_pkthdr *header, const u_char *data) {
  struct totals *totals = (struct totals *)user;
  (void)data;
  totals->packets++;
  totals->bytes += header->caplen;
}

int main(int argc, char **argv) {
  char error[PCAP_ERRBUF_SIZE];
  struct totals totals = {0, 0};
  struct timespec begin, end;
  struct pcap_pkthdr *header;
  const u_char *data;
  pcap_t *pcap;
  double seconds;

  if (argc != 3) {
    fprintf(stderr, "usage: libpcap-bare next|dispatch FILE\n");
    return 2;
  }
  clock_gettime(CLOCK_MONOTONIC, &begin);
  pcap = pcap_open_offline(argv[2], error);
  if (pcap == NULL) {
    fprintf(stderr, "%s\n", error);
    return 1;
  }
  if (strcmp(argv[1], "next") == 0) {
    while (pcap_next_ex(pcap, &header, &data) == 1) count((u_char *)&totals, header, data);
  } else {
    while (pcap_dispatch(pcap, -1, count, (u_char *)&totals) > 0) continue;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  pcap_close(pcap);

  seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
  printf("{\"packets\":%llu,\"bytes\":%llu,\"seconds\":%.6f,\"nsPerPacket\":%.1f}\n", totals.packets, totals.bytes,
         seconds, totals.packets == 0 ? 0 : seconds * 1e9 / (double)totals.packets);
  return 0;
}
