/** Puts the route documents of `examples/routes` into etcd. A gateway that runs has them a moment later. */
import { Etcd3 } from 'etcd3'
import { readExampleRoutes } from './shared/routes.ts'

const { WAYGATE_ETCD = 'http://127.0.0.1:2379', WAYGATE_ROUTES_PREFIX = '/waygate/routes/' } = process.env

const etcd = new Etcd3({
  hosts: WAYGATE_ETCD.split(','),
  // Rather end with an error, for whoever started this to try again, than wait for an etcd that hangs.
  defaultCallOptions: () => ({ deadline: Date.now() + 5_000 }),
})
try {
  for (const { id, document } of await readExampleRoutes()) {
    await etcd.put(`${WAYGATE_ROUTES_PREFIX}${id}`).value(document)
    console.log(`${WAYGATE_ROUTES_PREFIX}${id} ${document}`)
  }
} finally {
  etcd.close()
}
