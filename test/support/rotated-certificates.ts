import assert from 'node:assert/strict'
import { makeCertificates, makeClientFiles, startTlsEtcd } from './etcd-tls.ts'
import { freePort } from './free-port.ts'
import { until } from './until.ts'
import { type RunningGateway, startGateway, startProgram } from './waygate.ts'

const NODE = '/services/side/n1'

/** How long after etcd was back everyone was. */
export interface Rotation {
  readonly gatewaysMs: readonly number[]
  readonly sidecarMs: number
}

/**
 * Runs gateways and a sidecar against an etcd that requires client certificates. Then replaces their files, restarts etcd
 * so that it accepts only the new ones, and expects each gateway to follow it, and the node in etcd, without a restart.
 *
 * @param workers the number of workers of each gateway
 */
export async function rotateCertificates(workers: readonly number[]): Promise<Rotation> {
  using certificates = makeCertificates()
  await using etcd = await startTlsEtcd(certificates)
  await using files = await makeClientFiles(certificates)
  const env = {
    WAYGATE_ETCD_CA: files.ca,
    WAYGATE_ETCD_CERT: files.cert,
    WAYGATE_ETCD_KEY: files.key,
  }
  const port = await freePort()
  const script = `require('http').createServer((q, r) => r.end('x')).listen(${port}, '127.0.0.1')`
  const node = ['--name', 'side', '--id', 'n1', '--address', `127.0.0.1:${port}`]
  await using stack = new AsyncDisposableStack()
  const args = ['register', ...node, '--etcd', etcd.url, '--', process.execPath, '-e', script]
  const sidecar = stack.use(await startProgram({ args, env }))
  const gateways: RunningGateway[] = []
  for (const count of workers) {
    const options = { etcd: etcd.url, args: ['--workers', String(count)], env }
    gateways.push(stack.use(await startGateway(options)))
  }
  for (const gateway of gateways) await gateway.untilNodes('side', ['n1'], 30_000)

  await files.use('other-')
  await etcd.restart('other-')
  const backAt = performance.now()
  // What only somebody who follows etcd can know by now.
  const probe = '/services/after/n1'
  await etcd.etcdctl('other-', 'put', probe, '{"id":"n1","ip":"127.0.0.1","port":1}')
  const gatewaysMs = await Promise.all(
    gateways.map(async gateway => {
      await gateway.untilNodes('after', ['n1'], 30_000)
      return performance.now() - backAt
    }),
  )
  // The node was there all the time, because etcd extends leases by its own outages. Deleting it shows who puts it back.
  await etcd.etcdctl('other-', 'del', NODE)
  await until('the node is in etcd again', async () => (await etcd.etcdctl('other-', 'get', NODE)) !== '', {
    withinMs: 30_000,
    everyMs: 100,
  })
  const sidecarMs = performance.now() - backAt
  for (const gateway of gateways) {
    assert.ok(!gateway.hasExited())
    assert.equal((await gateway.routes()).source.connected, true)
  }
  assert.ok(!sidecar.hasExited())
  return { gatewaysMs, sidecarMs }
}
