import { test } from 'node:test'
import { requireEtcd } from '../support/etcd.ts'
import { loseDocuments } from '../support/lost-documents.ts'

// Short versions are in test/discovery/{remembered,begun-anew}.test.ts and test/cmd/gateway/live-routes.test.ts.
test('a service that has lost its document is never opened: deleted, wiped, started again, a worker crashed', async t => {
  if (!requireEtcd(t)) return
  const { asked } = await loseDocuments()
  t.diagnostic(`${asked} requests to the automatic path of the service, each answered with 404`)
})
