# One image for the gateway and, with another command, for the example services:
#   docker build -t waygate .
#   docker run -p 8080:8080 -e WAYGATE_ETCD=http://etcd:2379 waygate
#   docker run -e WAYGATE_ETCD=http://etcd:2379 --entrypoint node waygate dist/examples/task/main.js
# docs/docker.md says what it does by itself. Nothing in it depends on the processor: `docker buildx build --platform
# linux/amd64,linux/arm64` makes both.

# An exact version, the one that the project is tested with, and not a digest: that would have to be looked up with each new
# version. Whoever publishes the image can pin it, as in --build-arg BASE=node:26.10.0-slim@sha256:...
ARG BASE=node:26.10.0-slim

FROM ${BASE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without install scripts: the only one of use fetches the pinned Node for checkouts, and this image has its own.
RUN npm ci --ignore-scripts
# What .dockerignore lets through.
COPY . .
# It contains the packages that it uses, so the image has no node_modules.
RUN node scripts/build.ts

FROM ${BASE}
LABEL org.opencontainers.image.title="Waygate" \
      org.opencontainers.image.description="An HTTP API gateway whose routing table is etcd" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="docker.io/library/node:26.10.0-slim"
# Nothing is installed here, so nothing here installs. A named volume that is mounted at /data takes over its owner.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* \
    && install --directory --owner=1000 --group=1000 /data
# WAYGATE_IMAGE: the defaults of a container, see docs/docker.md.
ENV NODE_ENV=production \
    WAYGATE_DATA_DIR=/data \
    WAYGATE_IMAGE=1
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/dist dist
# By number: Kubernetes cannot tell whether a name is root (runAsNonRoot).
USER 1000:1000
EXPOSE 8080 9180
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --start-interval=1s \
  CMD ["node", "dist/cmd/waygate.js", "healthcheck"]
ENTRYPOINT ["node", "dist/cmd/waygate.js"]
CMD ["start"]
