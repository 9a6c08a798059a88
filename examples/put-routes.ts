/**
 * Puts the route documents of the examples into etcd, with the argument `grpc` those of the gRPC examples. A running gateway
 * uses them a moment later.
 */
import { createEtcdClient } from '../discovery/etcd/client.ts'
import { readExampleRoutes } from './shared/routes.ts'

const { WAYGATE_ETCD = 'http://127.0.0.1:2379', WAYGATE_ROUTES_PREFIX = '/waygate/routes/' } = process.env

const etcd = createEtcdClient({
  endpoints: WAYGATE_ETCD.split(','),
  user: process.env.WAYGATE_ETCD_USER,
  password: process.env.WAYGATE_ETCD_PASSWORD,
})
try {
  const kind = process.argv[2] === 'grpc' ? 'grpc' : 'http'
  for (const { id, document } of await readExampleRoutes(import.meta.dirname, kind)) {
    await etcd.put(`${WAYGATE_ROUTES_PREFIX}${id}`).value(document)
    console.log(`${WAYGATE_ROUTES_PREFIX}${id} ${document}`)
  }
} finally {
  etcd.close()
}
