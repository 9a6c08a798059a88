import { test } from 'node:test'
import { OPENSSL } from '../support/certificates.ts'
import { onPath, requireEtcd } from '../support/etcd.ts'
import { rotateCertificates } from '../support/rotated-certificates.ts'

const PROGRAMS = ['etcd', 'etcdctl', OPENSSL]

// The short version is in test/discovery/etcd/tls-etcd.test.ts.
test('gateways and a sidecar whose certificate files were replaced reach an etcd that accepts only the new ones', async t => {
  if (!requireEtcd(t, PROGRAMS) || !PROGRAMS.every(onPath)) return
  const { gatewaysMs, sidecarMs } = await rotateCertificates([1, 2])
  const all = [...gatewaysMs, sidecarMs].map(Math.round)
  t.diagnostic(
    `back after: one process ${all[0]} ms, two workers ${all[1]} ms, the sidecar's node ${all[2]} ms`,
  )
})
