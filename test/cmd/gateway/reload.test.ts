import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { Reloader, type Source } from '../../../cmd/gateway/reload.ts'
import { loadConfig } from '../../../config/load/load.ts'
import { silentLogger } from '../../../discovery/logger.ts'

const sourceWith = (logLevel: string): Source => ({
  loaded: loadConfig({ env: { WAYGATE_LOG_LEVEL: logLevel }, cwd: tmpdir() }),
  keyFiles: {},
})

test('a reload that fails after it has taken effect in some place leaves the new configuration in force', async () => {
  for (const [isInForce, level] of [
    [true, 'warn'],
    [false, 'info'],
  ] as const) {
    const reloader = new Reloader({
      load: () => sourceWith('warn'),
      source: sourceWith('info'),
      applies: new Set(['live', 'workers']),
      prepare: () => ({
        async apply(onInForce) {
          if (isInForce) onInForce()
          throw new Error('the second worker cannot start')
        },
        discard() {},
      }),
      formatError: String,
      logger: silentLogger as never,
    })
    await assert.rejects(reloader.reload({ dryRun: false }), /second worker/)
    assert.equal(reloader.source.loaded.config.logLevel, level)
    assert.deepEqual(reloader.counts, { succeeded: 0, failed: 1 })
  }
})
