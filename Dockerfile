# One image for the gateway and, with another command, for the example services:
#   docker build -t waygate .
#   docker run -p 8080:8080 -e WAYGATE_ETCD=http://etcd:2379 waygate
#   docker run -e WAYGATE_ETCD=http://etcd:2379 --entrypoint node waygate dist/examples/task/main.js

FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without install scripts: the only one of use fetches the pinned Node for checkouts, and this image has its own.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json index.ts fastify.ts ./
COPY scripts/build.ts scripts/bundle.ts scripts/
COPY internal internal
COPY config config
COPY discovery discovery
COPY middleware middleware
COPY wrappers wrappers
COPY routes routes
COPY stores stores
COPY cmd cmd
COPY examples examples
RUN node scripts/build.ts && npm prune --omit=dev --ignore-scripts

FROM node:26-slim
ENV NODE_ENV=production \
    WAYGATE_DATA_DIR=/data
WORKDIR /app
# A named volume mounted here takes over this owner, so that the unprivileged user can write to it.
RUN install --directory --owner=node --group=node /data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
USER node
EXPOSE 8080 9180
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --start-interval=1s \
  CMD ["node", "dist/cmd/waygate.js", "healthcheck"]
ENTRYPOINT ["node", "dist/cmd/waygate.js"]
CMD ["start"]
