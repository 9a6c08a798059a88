import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pino, { type Logger } from 'pino'
import { LineLimit } from '../../../cmd/gateway/line-limit.ts'

function setUp(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const limit = new LineLimit()
  const lines: Record<string, unknown>[] = []
  const logger: Logger = pino(
    {
      level: 'debug',
      base: null,
      timestamp: false,
      hooks: {
        logMethod(args, method, level) {
          if (limit.admits(logger, args, level)) method.apply(this, args)
        },
      },
    },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  )
  return { limit, logger, said: () => lines.splice(0), tick: (ms: number) => t.mock.timers.tick(ms) }
}

test('of many lines of one kind, 20 are written in 10 s, and then one that counts the others', t => {
  const { logger, said, tick } = setUp(t)
  const child = logger.child({ module: 'discovery' })
  for (let node = 0; node < 22_225; node++) child.info({ service: 'user', node }, 'health changed')
  const first = said()
  assert.deepEqual(
    first.map(({ node }) => node),
    Array.from({ length: 20 }, (_, i) => i),
  )
  assert.equal(first[0]?.module, 'discovery')
  tick(9_999)
  assert.deepEqual(said(), [])
  tick(1)
  assert.deepEqual(said(), [
    { level: 30, message: 'health changed', lines: 22_205, msg: 'log lines left out' },
  ])
  // The next interval begins with the next line.
  tick(60_000)
  assert.deepEqual(said(), [])
  child.info({ node: 'again' }, 'health changed')
  assert.equal(said().length, 1)
})

test('messages and sources have bounds of their own, and the count has the level of its lines', t => {
  const { logger, said, tick } = setUp(t)
  for (let i = 0; i < 30; i++) {
    logger.warn({ source: '/a/', key: i }, 'registry value ignored')
    logger.warn({ source: '/b/', key: i }, 'registry value ignored')
    logger.error('internal error')
    logger.debug({ i }, 'one request')
  }
  assert.equal(said().length, 3 * 20 + 30)
  tick(10_000)
  assert.deepEqual(
    said().map(({ level, message, source, lines }) => [level, message, source, lines]),
    [
      [40, 'registry value ignored', '/a/', 10],
      [40, 'registry value ignored', '/b/', 10],
      [50, 'internal error', undefined, 10],
    ],
  )
})

test('a log that is flushed in the meantime says how many lines it has left out, and goes on counting', t => {
  const { limit, logger, said, tick } = setUp(t)
  for (let i = 0; i < 25; i++) logger.info({ i }, 'breaker opened')
  said()
  limit.report(logger)
  assert.deepEqual(
    said().map(({ lines }) => lines),
    [5],
  )
  logger.info({}, 'breaker opened')
  tick(10_000)
  assert.deepEqual(
    said().map(({ lines }) => lines),
    [1],
  )
})
