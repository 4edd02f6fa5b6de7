# The agent as an image. Two stages, for BuildKit and for the legacy builder alike:
#   docker build -t bridgewatch .
#   docker build -t bridgewatch --build-arg NODE_IMAGE=node:24-trixie-slim .
# NODE_IMAGE is any Debian-like image with node (>= 20.19) and npm. Packages are installed only where they are missing,
# so a base image that has them needs no network for it.
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
RUN missing=''; for tool in g++ make python3; do command -v "$tool" >/dev/null || missing="$missing $tool"; done; \
    if [ -n "$missing" ]; then \
      apt-get update && apt-get install -y --no-install-recommends $missing && rm -rf /var/lib/apt/lists/*; \
    fi
COPY package.json package-lock.json ./
COPY capture/native capture/native
# Only the two install scripts that are needed run: the database binding (a prebuilt one where there is one for this
# platform, else compiled) and ours. The headers that came with node spare node-gyp a download. The optional packages
# come too, because the bundler's binary for this platform is one of them; none of them stays.
RUN npm ci --ignore-scripts --no-audit --no-fund \
 && export npm_config_nodedir="$(dirname "$(dirname "$(command -v node)")")" \
 && (cd node_modules/better-sqlite3 && npm run install) \
 && node capture/native/install.mjs --required
COPY tsconfig.json rolldown.config.ts ./
COPY src src
COPY capture capture
COPY analyzers analyzers
# What the API serves of itself.
COPY docs/openapi.json docs/openapi.json
# Of the dependencies only what runs stays: no sources or intermediate files of the bindings, no compilers' helpers. What the
# sink nats needs is optional elsewhere; here it stays too, since a container is no place to install packages (1.9 MB).
RUN node_modules/.bin/rolldown -c rolldown.config.ts > /dev/null \
 && mv node_modules/@nats-io /tmp/ \
 && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
 && mv /tmp/@nats-io node_modules/ \
 && rm -rf node_modules/better-sqlite3/deps node_modules/better-sqlite3/src \
 && find node_modules/better-sqlite3/build capture/native/build -type f ! -path '*/Release/bridgewatch_pcap.node' \
      ! -path '*/Release/better_sqlite3.node' -delete \
 && find node_modules/better-sqlite3/build capture/native/build -type d -empty -delete

FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Bridgewatch" \
      org.opencontainers.image.description="See what the containers on a Docker host really do on their networks" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="MIT"
# iptables and nft only read the firewall's counters; the two and their libraries are some 5 MB of the image.
RUN missing=''; ldconfig -p | grep -q 'libpcap\.so' || missing='libpcap0.8'; \
    command -v iptables-nft-save >/dev/null || missing="$missing iptables"; \
    command -v nft >/dev/null || missing="$missing nftables"; \
    if [ -n "$missing" ]; then \
      apt-get update && apt-get install -y --no-install-recommends $missing && rm -rf /var/lib/apt/lists/*; \
    fi
WORKDIR /opt/bridgewatch
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/capture/native/build capture/native/build
COPY --from=build /src/dist dist
COPY package.json LICENSE ./
COPY bin bin
# For `docker exec bridgewatch bridgewatch flows`.
RUN ln -s /opt/bridgewatch/bin/bridgewatch /usr/local/bin/bridgewatch
ENV NODE_ENV=production
# What stores and sends is this user's; the process that captures stays root.
RUN groupadd --system bridgewatch && useradd --system --gid bridgewatch --no-create-home --shell /usr/sbin/nologin bridgewatch \
 && mkdir -p /var/lib/bridgewatch && chown bridgewatch:bridgewatch /var/lib/bridgewatch && chmod 0750 /var/lib/bridgewatch
# Findings, learned state and what InfluxDB has not taken yet: keep it on a volume.
VOLUME /var/lib/bridgewatch
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/opt/bridgewatch/bin/bridgewatch", "doctor", "--health"]
ENTRYPOINT ["/opt/bridgewatch/bin/bridgewatch"]
CMD ["run"]
