import { test } from 'node:test'
import { describeHandOver, handOverUnderLoad } from '../support/hand-over.ts'

for (const workers of [1, 2]) {
  test(`shutting down a gateway with --workers ${workers} while another one runs fails no request`, async t => {
    const report = await handOverUnderLoad({ workers, perSecond: 500, slowMs: 2_000, around: 300 })
    t.diagnostic(describeHandOver(report))
  })
}
