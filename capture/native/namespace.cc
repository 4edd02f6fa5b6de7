#include "namespace.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace bridgewatch {
namespace {

// pcap_compile's parser recurses; a thread's default of 8 MiB would be waste.
constexpr size_t kStackBytes = 1024 * 1024;

struct Visit {
  int fd;
  const std::function<void()>* work;
  int setns_error = 0;
};

void* RunVisit(void* argument) {
  Visit* visit = static_cast<Visit*>(argument);
  if (setns(visit->fd, CLONE_NEWNET) != 0) {
    visit->setns_error = errno;
  } else {
    (*visit->work)();
  }
  return nullptr;
}

Failure BadNamespace(const std::string& subject, const std::string& path, int error) {
  const std::string what = subject + ": namespace " + path;
  if (error == EPERM || error == EACCES) {
    return {"CAPTURE_PERMISSION",
            what + " may not be entered (" + strerror(error) + "); run as root, or with CAP_SYS_ADMIN and CAP_NET_RAW"};
  }
  if (error == EINVAL) {
    return {"CAPTURE_BAD_NAMESPACE",
            what + " is not a network namespace; give a path such as /var/run/docker/netns/<id> or /proc/<pid>/ns/net"};
  }
  return {"CAPTURE_BAD_NAMESPACE", what + " cannot be opened (" + strerror(error) +
                                       "); its container may have ended, or its mounts may be hidden from here"};
}

std::optional<std::string> ReadSmallFile(const std::string& path, size_t max_bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text(max_bytes, '\0');
  size_t used = 0;
  while (used < max_bytes) {
    const ssize_t got = read(fd, &text[used], max_bytes - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      close(fd);
      return std::nullopt;
    }
    if (got == 0) break;
    used += static_cast<size_t>(got);
  }
  close(fd);
  text.resize(used);
  return text;
}

}  // namespace

std::optional<Failure> RunInNamespace(const std::string& path, const std::string& subject,
                                      NamespaceIdentity* identity, const std::function<void()>& work) {
  // O_NONBLOCK: a FIFO at this path must not hang the agent.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return BadNamespace(subject, path, errno);
  struct stat facts {};
  if (identity != nullptr && fstat(fd, &facts) == 0) *identity = {facts.st_dev, facts.st_ino};

  Visit visit{fd, &work};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread;
  const int thread_error = pthread_create(&thread, &attributes, RunVisit, &visit);
  pthread_attr_destroy(&attributes);
  if (thread_error == 0) pthread_join(thread, nullptr);
  close(fd);

  if (thread_error != 0) {
    return Failure{"CAPTURE_FAILED", subject + ": no thread to enter namespace " + path + " with (" +
                                         strerror(thread_error) + "); raise the limit of processes (ulimit -u, pids cgroup)"};
  }
  if (visit.setns_error != 0) return BadNamespace(subject, path, visit.setns_error);
  return std::nullopt;
}

bool NamespaceStillAt(const std::string& path, const NamespaceIdentity& identity) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0 && facts.st_dev == identity.device && facts.st_ino == identity.inode;
}

std::optional<Failure> ReadInNamespace(const std::string& path, const std::vector<std::string>& names,
                                       size_t max_bytes, std::vector<std::optional<std::string>>* out) {
  // thread-self, not self: /proc/self/net would be the namespace of the main thread.
  return RunInNamespace(path, "cannot read kernel counters", nullptr, [&] {
    for (const std::string& name : names) out->push_back(ReadSmallFile("/proc/thread-self/" + name, max_bytes));
  });
}

}  // namespace bridgewatch
