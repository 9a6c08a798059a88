import { test } from 'node:test'
import { replaceCertificates } from '../support/replaced-certificates.ts'

test('workers serve a certificate that was replaced, and the last good one while its files are broken', async t => {
  const { handshakes } = await replaceCertificates({ workers: 2, times: 2, handshakesPerSecond: 100 })
  t.diagnostic(`${handshakes} handshakes`)
})
