import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '../support/free-port.ts'
import { writeImageScript } from '../support/image.ts'
import { mayMount } from '../support/own-files.ts'

const checkout = join(import.meta.dirname, '../..')

// By hand, because it installs every package anew: npm run test:faults.
test('the instructions of the Dockerfile make an image that runs as it should', async t => {
  if (!mayMount(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'waygate-image-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [port, adminPort] = [await freePort(), await freePort()]
  const ports = `WAYGATE_PORT=${port} WAYGATE_ADMIN_PORT=${adminPort}`
  const then = `
echo "== user: $(inside id -u):$(inside id -g)"
echo "== npm: $(inside sh -c 'ls /usr/local/lib/node_modules /usr/local/bin/npm 2>/dev/null || echo none')"
echo "== data: $(inside sh -c 'touch /data/x && echo writable')"
echo "== app: $(inside sh -c 'touch /app/x 2>/dev/null || echo read-only')"
echo "== alone: $( (container) 2>&1 || echo "exit $?")"
EXTRA_ENV='WAYGATE_EMBEDDED=1 WAYGATE_ADMIN_TOKEN=s3cret ${ports}'
echo "== unhealthy: $(healthcheck >/dev/null 2>&1 || echo "exit $?")"
(container) &
for try in $(seq 120); do healthcheck >/dev/null 2>&1 && break; sleep 0.5; done
echo "== healthy: $(healthcheck)"
kill -TERM $!
wait $! && echo "== ended: 0"
`
  const script = writeImageScript(checkout, folder, then)
  const { status, stdout, stderr } = spawnSync('unshare', ['-m', '--propagation', 'private', 'sh', script], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  assert.equal(status, 0, `${stdout}\n${stderr}`)
  const said = Object.fromEntries(
    [...stdout.matchAll(/^== (\w+): (.*(?:\nexit \d+)?)$/gm)].map(([, key, text]) => [key, text]),
  )
  assert.deepEqual(
    { ...said, alone: undefined },
    {
      user: '1000:1000',
      npm: 'none',
      data: 'writable',
      app: 'read-only',
      alone: undefined,
      unhealthy: 'exit 1',
      healthy: 'ok',
      ended: '0',
    },
  )
  assert.match(
    said.alone!,
    /^waygate: environment WAYGATE_IMAGE: \$\.etcd\.endpoints: must be set in the image/,
  )
  assert.match(said.alone!, /exit 1$/)
  assert.match(stdout, new RegExp(`"admin":"http://0\\.0\\.0\\.0:${adminPort}"`))
})
