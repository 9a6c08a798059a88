import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeReport, runFewFiles } from '../support/few-files.ts'

const OPTIONS = { skip: process.platform !== 'linux' && 'the limit on open files is read on Linux only' }

// The long version of test/e2e/few-files.test.ts.
test(
  '350 clients of a gateway that may open 256 files, for 30 s: those within the limit are served',
  OPTIONS,
  async t => {
    const report = await runFewFiles({ files: 256, clients: 350, sharing: 0, floodMs: 30_000 })
    t.diagnostic(describeReport(report))
    assert.deepEqual(Object.keys(report.outcomes).sort(), ['200', 'ECONNRESET'])
    assert.ok(report.recoveryMs < 5_000)
  },
)

test(
  '350 clients on 35 HTTP/2 connections, for 30 s: those beyond the connections to nodes get 503',
  OPTIONS,
  async t => {
    const report = await runFewFiles({ files: 256, clients: 350, sharing: 10, floodMs: 30_000 })
    t.diagnostic(describeReport(report))
    assert.deepEqual(Object.keys(report.outcomes).sort(), ['200', '503 WG_OVERLOADED'])
    assert.ok(report.messages.includes('out of file descriptors; logged at most once a minute'))
    assert.match(report.metrics, /^waygate_out_of_files_total [1-9]/m)
    assert.ok(report.recoveryMs < 5_000)
  },
)
