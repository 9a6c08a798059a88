import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EtcdAuthenticationFailedError, GRPCFailedPreconditionError, GRPCUnavailableError } from 'etcd3'
import { AuthTokens, type NoTokenError } from '../../../discovery/etcd/auth-tokens.ts'
import { silentLogger } from '../../../discovery/logger.ts'
import { FakeClock } from './fake-clock.ts'

const REFUSED = new EtcdAuthenticationFailedError(
  '3 INVALID_ARGUMENT: etcdserver: authentication failed, invalid user ID or password',
)
const AWAY = new GRPCUnavailableError('14 UNAVAILABLE: No connection established')
const NO_USERS = new GRPCFailedPreconditionError(
  '9 FAILED_PRECONDITION: etcdserver: authentication is not enabled',
)
const never = new AbortController().signal

/** `answers` are what etcd gives, in turn; the last one again and again. */
function setUp(answers: readonly (string | Error)[]) {
  const clock = new FakeClock()
  const asked: number[] = []
  const said: string[] = []
  const log = (_: object, message: string) => void said.push(message)
  const tokens = new AuthTokens({
    user: 'gateway',
    clock,
    random: () => 1,
    logger: { ...silentLogger, info: log, warn: log },
    authenticate: async () => {
      const answer = answers[Math.min(asked.length, answers.length - 1)]!
      asked.push(clock.now())
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  const get = (patienceMs = 0) => tokens.get(patienceMs, never)
  return { tokens, clock, asked, said, get }
}

test('all who need a token at once share one question, and later ones its answer', async () => {
  const { tokens, asked, get } = setUp(['one', 'two'])
  assert.equal(tokens.present, undefined)
  const [a, b] = await Promise.all([get(), get()])
  assert.equal(a, b)
  assert.equal(await get(), a)
  assert.equal(tokens.present, a)
  assert.deepEqual([a.token, asked.length], ['one', 1])
})

test('a forgotten token is replaced; who forgets it late does not cost the new one', async () => {
  const { tokens, clock, asked, get } = setUp(['one', 'two'])
  const one = await get()
  await clock.advance(5_000)
  tokens.forget(one)
  const two = await get()
  assert.equal(two.token, 'two')
  tokens.forget(one)
  assert.equal(tokens.present, two)
  assert.equal(asked.length, 2)
})

test('after a refusal the next question waits 250 ms, then twice as long each time, up to 1 s', async () => {
  const { clock, asked, get } = setUp([REFUSED])
  let stopped = false
  const calling = (async () => {
    while (!stopped) await get(10_000).catch(() => {})
  })()
  await clock.advance(3_750)
  assert.deepEqual(asked, [0, 250, 750, 1_750, 2_750, 3_750])
  stopped = true
  await clock.advance(10_000)
  await calling
})

test('a call that has less patience fails with the reason, which names the user', async () => {
  const { clock, asked, get } = setUp([REFUSED])
  const reason = 'no token from etcd for user "gateway": authentication failed, invalid user ID or password'
  await assert.rejects(get(), { message: reason, unreachable: false })
  await assert.rejects(get(), { message: reason })
  const patient = assert.rejects(get(249), { message: reason })
  await clock.advance(249)
  await patient
  assert.equal(asked.length, 1)
})

test('a call that is patient enough gets the token of the next question', async () => {
  const { clock, asked, get } = setUp([REFUSED, 'one'])
  await assert.rejects(get())
  const patient = get(250)
  await clock.advance(250)
  assert.equal((await patient).token, 'one')
  assert.equal(asked.length, 2)
})

test('a call that is canceled waits no longer', async () => {
  const { tokens, clock, get } = setUp([REFUSED])
  await assert.rejects(get())
  const canceling = new AbortController()
  const waiting = assert.rejects(tokens.get(2_000, canceling.signal))
  canceling.abort()
  await waiting
  assert.equal(clock.pending, 0)
})

test('an etcd that is away is asked again at once, and the error says that it is away', async () => {
  const { asked, get } = setUp([AWAY, AWAY, 'one'])
  for (let i = 0; i < 2; i++) {
    await assert.rejects(
      get(),
      (error: NoTokenError) => error.unreachable && error.message.endsWith('No connection established'),
    )
  }
  assert.equal((await get()).token, 'one')
  assert.equal(asked.length, 3)
})

test('a token refused as soon as it was given is not replaced without a pause', async () => {
  const { tokens, clock, asked, get } = setUp(['one', 'two', 'three'])
  tokens.forget(await get())
  await assert.rejects(get(), /it rejects the tokens that it issues/)
  const second = get(250)
  await clock.advance(250)
  tokens.forget(await second)
  const third = get(500)
  await clock.advance(500)
  await clock.advance(1_001)
  tokens.forget(await third)
  await get()
  assert.deepEqual(asked, [0, 250, 750, 1_751], 'one that was good for a while begins anew')
})

test('an etcd without users is used without a token and told of once; users that come are told of too', async () => {
  const { tokens, clock, said, get } = setUp([NO_USERS, NO_USERS, 'one', NO_USERS])
  for (const expected of [undefined, undefined, 'one', undefined]) {
    const credential = await get()
    assert.equal(credential.token, expected)
    await clock.advance(5_000)
    tokens.forget(credential)
  }
  assert.deepEqual(said, [
    'etcd authentication is not enabled; continuing without a token',
    'etcd authentication was enabled; using a token',
    'etcd authentication is not enabled; continuing without a token',
  ])
})
