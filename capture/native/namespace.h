// Work inside another network namespace, on a thread that lives for that work only: the threads of Node never
// leave their namespace, whatever fails on the way.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "failure.h"

namespace bridgewatch {

// Which namespace a path named when it was entered: the path may be unmounted or come to name another one.
struct NamespaceIdentity {
  dev_t device = 0;
  ino_t inode = 0;
};

// Runs `work` in the namespace at `path` and waits for it. `subject` opens the message of a failure ("cannot open
// lo in namespace ..."). `identity` may be null.
std::optional<Failure> RunInNamespace(const std::string& path, const std::string& subject,
                                      NamespaceIdentity* identity, const std::function<void()>& work);

// False once the path is gone or names another namespace.
bool NamespaceStillAt(const std::string& path, const NamespaceIdentity& identity);

// Up to `max_bytes` of each /proc/thread-self/<name>, read inside the namespace; nullopt for one that cannot be read.
std::optional<Failure> ReadInNamespace(const std::string& path, const std::vector<std::string>& names,
                                       size_t max_bytes, std::vector<std::optional<std::string>>* out);

}  // namespace bridgewatch
