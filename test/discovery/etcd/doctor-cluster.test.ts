import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requireEtcd } from '../../support/etcd.ts'
import { startEtcdCluster } from '../../support/etcd-cluster.ts'
import { until } from '../../support/until.ts'
import { Examination } from './examination.ts'

test('it reports members of a cluster that are missing, down or without a leader', async t => {
  if (!requireEtcd(t)) return
  await using cluster = await startEtcdCluster()
  const [first, second, third] = cluster.members
  assert.ok(first && second && third)

  const [whole, part] = await Promise.all([
    Examination.of(cluster.urls),
    Examination.of(`${first.url},${second.url}`),
  ])
  assert.deepEqual([...whole.at('problem'), ...whole.at('warning')], [], `${whole}`)
  whole.one('ok', /^3 members of cluster [0-9a-f]+; http:.* leads$/)
  whole.one('ok', /^3 members in the cluster, all of them configured$/)
  assert.match(
    part.one('warning', /^member m3 /).message,
    new RegExp(`\\(${third.url}\\) is not among the configured endpoints`),
  )

  await Promise.all([second.kill('SIGKILL'), third.kill('SIGKILL')])
  const alone = await until('the last one has noticed', async () => {
    const found = await Examination.of(cluster.urls)
    return found.at('problem').includes('cluster') && found
  })
  assert.equal(alone.one('problem', /sees no leader/).details?.endpoint, first.url)
  const refused = alone.findings.filter(({ message }) => message.includes('refuses connections'))
  assert.deepEqual(
    refused.map(({ details }) => details?.endpoint),
    [second.url, third.url],
  )
})
