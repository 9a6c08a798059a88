import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeReport, runFewFiles } from '../support/few-files.ts'

test('more clients than file descriptors: those within the limit are served, and no node is blamed', {
  skip: process.platform !== 'linux' && 'the limit on open files is read on Linux only',
}, async t => {
  const report = await runFewFiles({ files: 256, clients: 350, sharing: 0, floodMs: 1_500 })
  t.diagnostic(describeReport(report))
  assert.deepEqual(Object.keys(report.outcomes).sort(), ['200', 'ECONNRESET'])
  assert.deepEqual(report.messages, [
    'client connections refused; logged at most once a minute',
    'fewer client connections than configured; the limit on open files is low',
  ])
  assert.match(report.metrics, /^waygate_client_connections_max 96$/m)
  assert.match(report.metrics, /^waygate_client_connections_ended_total\{reason="displaced"\} [1-9]/m)
  assert.match(report.metrics, /^waygate_out_of_files_total 0$/m)
})
