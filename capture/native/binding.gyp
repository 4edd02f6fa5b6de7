# Builds build/Release/bridgewatch_pcap.node. libpcap is not linked and its headers are not needed: libpcap.cc
# opens the library at run time, so that one binary serves every distribution.
{
  "targets": [
    {
      "target_name": "bridgewatch_pcap",
      "sources": [
        "addon.cc",
        "filter.cc",
        "huge_pages.cc",
        "libpcap.cc",
        "link.cc",
        "live_handle.cc",
        "namespace.cc",
        "namespace_reader.cc",
        "netlink.cc",
        "netlink_socket.cc",
        "slab.cc",
        "stream_copy.cc",
        "tap.cc"
      ],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"],
      "cflags!": ["-Wno-unused-parameter"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      # -isystem: a newer compiler may warn about headers that are not ours.
      "cflags_cc": ["-isystem", "<!(node -p \"require('node:path').resolve(require('node-addon-api').include_dir)\")"],
      "libraries": ["-ldl", "-pthread"]
    }
  ]
}
