# The image of Ouroboros: every service, a nats-server for who brings none, and Python for hook scripts.
#
#   docker build -t ouroboros .
#   docker buildx build --platform linux/amd64,linux/arm64 -t ouroboros .
#
# What is made here is the same for both, and made on the machine that builds; of the other machine's kind are the
# packages alone.
#
# Where a build reaches no package mirror, both stages that need one can be handed in ready-made:
#
#   docker build --build-context build=FOLDER --build-context system=docker-image://IMAGE --build-arg NODE=IMAGE .
#
# FOLDER holds app/package.json, app/dist and app/node_modules (`npm ci && npm run build && npm prune --omit=dev`),
# IMAGE is node:24-trixie-slim with the packages below.

# By digest, so that a build takes what was looked at; `node .ci/digests.mjs --write` renews it.
ARG NODE=node:24-trixie-slim@sha256:50c3b2f6988dfc307b86e5301d69611af31f4789bdf232863b07d3b02fe55ae0

FROM --platform=$BUILDPLATFORM $NODE AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm ci --omit=dev --ignore-scripts

FROM --platform=$BUILDPLATFORM $NODE AS files
WORKDIR /files/app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/cli ./dist/cli
COPY --from=build /app/dist/nats ./dist/nats
COPY --from=build /app/dist/services ./dist/services
COPY --from=build /app/dist/shared ./dist/shared
COPY hooks /files/hooks
# Scripts are looked for beside the program; that is where /hooks leads, the folder that people mount.
# Whoever it runs as may write its data; a volume takes over that right.
RUN find dist -name '*.map' -delete && ln -s /hooks hooks && install -d -m 1777 /files/data && chmod +x dist/cli/main.js \
 && install -d /files/usr/local/bin && ln -s /app/dist/cli/main.js /files/usr/local/bin/ouroboros

FROM $NODE AS system
RUN apt-get update \
 && apt-get install -y --no-install-recommends nats-server python3 python3-docker apprise tini util-linux \
 && rm -rf /var/lib/apt/lists/*

FROM system
ARG VERSION=2.0.0
ARG REVISION=
LABEL com.ouroboros.role="ouroboros" \
      org.opencontainers.image.title="Ouroboros" \
      org.opencontainers.image.description="Keeps the containers on many Docker hosts up to date, and asks before every step" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/ouroboros-updater/ouroboros" \
      org.opencontainers.image.documentation="https://github.com/ouroboros-updater/ouroboros/tree/main/docs" \
      org.opencontainers.image.base.name="docker.io/library/node:24-trixie-slim" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.version="$VERSION"
ENV NODE_ENV=production DATA_DIR=/data HEALTH_PORT=9464
COPY --from=files /files /
WORKDIR /app
# Runs, journal and verdicts survive a self-update also where nobody mounted anything.
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=1s --retries=3 CMD ["ouroboros", "healthcheck"]
ENTRYPOINT ["/usr/bin/tini", "--", "node", "/app/dist/cli/main.js"]
