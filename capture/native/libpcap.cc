#include "libpcap.h"

#include <dlfcn.h>

#include <mutex>
#include <string>

namespace bridgewatch {
namespace {

// The upstream name, Debian's name for the same ABI, and what development packages add.
constexpr const char* kNames[] = {"libpcap.so.1", "libpcap.so.0.8", "libpcap.so"};

constexpr int kDltRaw = 12;  // Linux; other systems have other numbers for it
constexpr int kLinkTypeRaw = 101;

std::mutex& LoadMutex() {
  static std::mutex mutex;
  return mutex;
}

std::mutex& CompileMutex() {
  static std::mutex mutex;
  return mutex;
}

template <typename Function>
bool Bind(void* library, const char* symbol, Function* out) {
  *out = reinterpret_cast<Function>(dlsym(library, symbol));
  return *out != nullptr;
}

// The first symbol that is missing, or null.
const char* BindAll(void* library, Libpcap* pcap) {
  Bind(library, "pcap_set_tstamp_precision", &pcap->set_tstamp_precision);
  Bind(library, "pcap_get_tstamp_precision", &pcap->get_tstamp_precision);
#define BRIDGEWATCH_BIND(name) \
  if (!Bind(library, "pcap_" #name, &pcap->name)) return "pcap_" #name
  BRIDGEWATCH_BIND(lib_version);
  BRIDGEWATCH_BIND(create);
  BRIDGEWATCH_BIND(set_snaplen);
  BRIDGEWATCH_BIND(set_promisc);
  BRIDGEWATCH_BIND(set_timeout);
  BRIDGEWATCH_BIND(set_buffer_size);
  BRIDGEWATCH_BIND(activate);
  BRIDGEWATCH_BIND(setnonblock);
  BRIDGEWATCH_BIND(get_selectable_fd);
  BRIDGEWATCH_BIND(datalink);
  BRIDGEWATCH_BIND(snapshot);
  BRIDGEWATCH_BIND(dispatch);
  BRIDGEWATCH_BIND(stats);
  BRIDGEWATCH_BIND(compile);
  BRIDGEWATCH_BIND(setfilter);
  BRIDGEWATCH_BIND(freecode);
  BRIDGEWATCH_BIND(offline_filter);
  BRIDGEWATCH_BIND(open_dead);
  BRIDGEWATCH_BIND(geterr);
  BRIDGEWATCH_BIND(statustostr);
  BRIDGEWATCH_BIND(close);
#undef BRIDGEWATCH_BIND
  return nullptr;
}

}  // namespace

std::optional<Failure> LoadLibpcap(const Libpcap** out) {
  static Libpcap pcap{};
  static bool loaded = false;
  std::lock_guard<std::mutex> lock(LoadMutex());
  // A failure is not remembered: whoever installs the library need not restart us.
  if (!loaded) {
    std::string tried;
    std::string last_error;
    for (const char* name : kNames) {
      tried += tried.empty() ? name : std::string(", ") + name;
      void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library == nullptr) {
        const char* why = dlerror();
        last_error = why == nullptr ? "unknown error" : why;
        continue;
      }
      const char* missing = BindAll(library, &pcap);
      if (missing == nullptr) {
        loaded = true;
        break;
      }
      last_error = std::string(name) + " has no " + missing;
      dlclose(library);
    }
    if (!loaded) {
      return Failure{"CAPTURE_NO_LIBPCAP",
                     "cannot load libpcap: tried " + tried + " (last: " + last_error +
                         "); install it (Debian, Ubuntu: libpcap0.8; Alpine, Arch, Fedora: libpcap)"};
    }
  }
  *out = &pcap;
  return std::nullopt;
}

CompileLock::CompileLock() { CompileMutex().lock(); }
CompileLock::~CompileLock() { CompileMutex().unlock(); }

int LinkTypeOfDlt(int dlt) { return dlt == kDltRaw ? kLinkTypeRaw : dlt; }
int DltOfLinkType(int link_type) { return link_type == kLinkTypeRaw ? kDltRaw : link_type; }

}  // namespace bridgewatch
