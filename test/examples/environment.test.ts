import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvironment } from '../../examples/shared/environment.ts'

test('an empty environment gives a loopback address, any port and a database in memory', () => {
  assert.deepEqual(readEnvironment({}), {
    host: '127.0.0.1',
    port: 0,
    database: ':memory:',
    weight: 1,
    logLevel: 'info',
  })
})

test('variables of the environment are used', () => {
  const env = { HOST: '::1', PORT: '3001', DATABASE: 'a.db', WAYGATE_WEIGHT: '0', LOG_LEVEL: 'warn' }
  assert.deepEqual(readEnvironment(env), {
    host: '::1',
    port: 3001,
    database: 'a.db',
    weight: 0,
    logLevel: 'warn',
  })
})

for (const PORT of ['http', '-1', '70000', '80.5', '']) {
  test(`PORT="${PORT}" is refused by name`, () => {
    assert.throws(() => readEnvironment({ PORT }), /^Error: PORT must be an integer from 0 to 65535/)
  })
}
