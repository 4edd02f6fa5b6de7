// The part of libpcap's API that we use, declared here and bound with dlopen, so that neither its headers (build)
// nor the library (import) are needed until a tap is opened. Layouts and numbers are those of pcap/pcap.h and
// pcap/bpf.h of libpcap 1.x, whose ABI has been stable since 1.0.
#pragma once

#include <sys/time.h>

#include <cstdint>
#include <optional>

#include "failure.h"

namespace bridgewatch {

struct PcapHandle;  // pcap_t, opaque

struct PcapPacketHeader {  // struct pcap_pkthdr
  struct timeval ts;       // tv_usec holds nanoseconds when that precision was asked for and given
  uint32_t cap_len;
  uint32_t wire_len;
};

struct PcapStats {  // struct pcap_stat
  unsigned int received;
  unsigned int dropped;
  unsigned int dropped_by_interface;
};

struct BpfInstruction {  // struct bpf_insn
  uint16_t code;
  uint8_t jump_true;
  uint8_t jump_false;
  uint32_t k;
};

struct BpfProgram {  // struct bpf_program
  unsigned int length = 0;
  BpfInstruction* instructions = nullptr;
};

using PcapHandler = void (*)(unsigned char* user, const PcapPacketHeader* header, const unsigned char* bytes);

constexpr int kPcapErrorBufferBytes = 256;
constexpr int kPcapErrorNoSuchDevice = -5;
constexpr int kPcapErrorPermissionDenied = -8;
constexpr int kPcapErrorInterfaceNotUp = -9;
constexpr int kPcapErrorPromiscuousPermissionDenied = -11;
constexpr int kPcapPrecisionNano = 1;
constexpr uint32_t kPcapNetmaskUnknown = 0xffffffff;

struct Libpcap {
  const char* (*lib_version)();
  PcapHandle* (*create)(const char* device, char* error_buffer);
  int (*set_snaplen)(PcapHandle*, int);
  int (*set_promisc)(PcapHandle*, int);
  int (*set_timeout)(PcapHandle*, int);
  int (*set_buffer_size)(PcapHandle*, int);
  // Since 1.5; null in older libraries, which then give microseconds.
  int (*set_tstamp_precision)(PcapHandle*, int);
  int (*get_tstamp_precision)(PcapHandle*);
  int (*activate)(PcapHandle*);
  int (*setnonblock)(PcapHandle*, int, char* error_buffer);
  int (*get_selectable_fd)(PcapHandle*);
  int (*datalink)(PcapHandle*);
  int (*snapshot)(PcapHandle*);
  int (*dispatch)(PcapHandle*, int count, PcapHandler, unsigned char* user);
  int (*stats)(PcapHandle*, PcapStats*);
  int (*compile)(PcapHandle*, BpfProgram*, const char* expression, int optimize, uint32_t netmask);
  int (*setfilter)(PcapHandle*, BpfProgram*);
  void (*freecode)(BpfProgram*);
  int (*offline_filter)(const BpfProgram*, const PcapPacketHeader*, const unsigned char* bytes);
  PcapHandle* (*open_dead)(int link_type, int snaplen);
  char* (*geterr)(PcapHandle*);
  const char* (*statustostr)(int);
  void (*close)(PcapHandle*);
};

// Sets *out to the library, opened at the first call that finds it and kept for the life of the process.
std::optional<Failure> LoadLibpcap(const Libpcap** out);

// pcap_compile kept its state in globals before libpcap 1.8, and Node may have worker threads: hold while compiling.
class CompileLock {
 public:
  CompileLock();
  ~CompileLock();
  CompileLock(const CompileLock&) = delete;
  CompileLock& operator=(const CompileLock&) = delete;
};

// DLT_ values are what pcap_datalink speaks, LINKTYPE_ values what files and FrameBatch speak. Of those that Linux
// can produce only raw IP differs (pcap-common.c of libpcap).
int LinkTypeOfDlt(int dlt);
int DltOfLinkType(int link_type);

}  // namespace bridgewatch
