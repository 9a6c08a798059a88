import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call, type Identity } from '../../../internal/call.ts'
import { createRequestHeadReader } from '../../../internal/http/request-head.ts'
import { formatPasswordHash, type PasswordHash, parsePasswordHash } from '../../../internal/password-hash.ts'
import { createBasicAuthenticator } from '../../../middleware/auth/basic-authenticator.ts'
import { hashPassword, isPassword } from '../../../middleware/auth/password.ts'

const identity = (subject: string): Identity => ({ subject, headers: [], scopes: [], roles: [] })
const readHead = createRequestHeadReader([])
const anna: PasswordHash = {
  logCost: 10,
  blockSize: 1,
  parallelization: 1,
  salt: Buffer.alloc(16),
  hash: Buffer.alloc(32),
}

/** Each password check waits until the test settles it. */
function setUp(cacheSize = 10) {
  const checks: {
    readonly password: string
    readonly known: PasswordHash
    readonly ended: Promise<boolean>
    settle(isRight: boolean): void
  }[] = []
  const authenticator = createBasicAuthenticator({
    users: new Map([['anna', { password: anna, identity: identity('anna') }]]),
    cacheSize,
    isPassword: (password, known) => {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      checks.push({ password, known, ended: promise, settle: resolve })
      return promise
    },
  })
  const present = (credentials: string, scheme = 'Basic ') => {
    const value = `${scheme}${Buffer.from(credentials).toString('base64')}`
    return authenticator.authenticate(readHead(['authorization', value]), new Call('r1', 'GET', '/', 0))
  }
  return { authenticator, checks, present }
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('accepted credentials are not checked again, and are accepted synchronously', async () => {
  const { checks, present } = setUp()
  const first = present('anna:right')
  await turn()
  checks[0]!.settle(true)
  assert.equal((await first).subject, 'anna')
  const second = present('anna:right')
  assert.ok(!(second instanceof Promise))
  assert.equal(second.subject, 'anna')
  assert.equal(checks.length, 1)
})

test('any number of spaces may follow the scheme, in any letter case', async () => {
  const { checks, present } = setUp()
  for (const scheme of ['Basic  ', 'basic     ', 'BASIC ']) {
    const attempt = present('anna:right', scheme)
    await turn()
    checks[0]!.settle(true)
    assert.equal((await attempt).subject, 'anna', scheme)
  }
  assert.equal(checks.length, 1, 'they are the same credentials')
  for (const scheme of ['Basic', 'Basic\t']) {
    assert.throws(() => present('anna:right', scheme), { code: 'WG_TOKEN_MISSING' })
  }
})

test('only the Authorization headers of its scheme are withheld', () => {
  const head = readHead(
    ['Basic x', 'Bearer a.b.c', 'basic', 'BASIC\ty', 'Basics z'].flatMap(value => ['Authorization', value]),
  )
  setUp().authenticator.withhold(head, new Call('r1', 'GET', '/', 0))
  assert.deepEqual(head.headers, ['Authorization', 'Bearer a.b.c', 'Authorization', 'Basics z'])
})

test('refused credentials are checked again', async () => {
  const { checks, present } = setUp()
  for (let i = 0; i < 2; i++) {
    const attempt = Promise.resolve(present('anna:wrong'))
    await turn()
    checks[i]!.settle(false)
    await assert.rejects(attempt, { code: 'WG_TOKEN_INVALID' })
  }
})

test('with a cache size of 0 every request is checked', async () => {
  const { checks, present } = setUp(0)
  for (let i = 0; i < 2; i++) {
    const attempt = present('anna:right')
    await turn()
    checks[i]!.settle(true)
    await attempt
  }
})

test('an unknown user is checked as well, to take as long, and refused whatever the result', async () => {
  const { checks, present } = setUp()
  const attempt = Promise.resolve(present('nobody:right'))
  await turn()
  assert.equal(checks.length, 1)
  assert.notEqual(checks[0]!.known, anna)
  checks[0]!.settle(true)
  await assert.rejects(attempt, { code: 'WG_TOKEN_INVALID' })
})

test('the same credentials at the same time are checked once', async () => {
  const { checks, present } = setUp()
  const all = Promise.all(Array.from({ length: 20 }, () => present('anna:right')))
  await turn()
  assert.equal(checks.length, 1)
  checks[0]!.settle(true)
  assert.ok((await all).every(({ subject }) => subject === 'anna'))
})

test('two passwords are checked at a time, some wait, and further ones are refused for now', async () => {
  const { checks, present } = setUp()
  const attempts = Array.from({ length: 100 }, (_, i) =>
    Promise.resolve()
      .then(() => present(`anna:${i}`))
      .then(
        () => 'in',
        error => error.code,
      ),
  )
  await turn()
  assert.equal(checks.length, 2)
  for (let done = 0; done < checks.length; done++) {
    checks[done]!.settle(false)
    await turn()
    assert.ok(checks.length - done - 1 <= 2, 'no more than two at a time')
  }
  const codes = Object.groupBy(await Promise.all(attempts), code => code)
  assert.equal(codes.WG_TOKEN_INVALID?.length, checks.length)
  assert.equal(codes.WG_OVERLOADED?.length, 100 - checks.length)
  assert.ok(checks.length >= 34 && checks.length < 40, `${checks.length} were checked`)
  const later = present('anna:right')
  await turn()
  checks.at(-1)!.settle(true)
  assert.equal((await later).subject, 'anna', 'and then it goes on')
})

test('who waits for a check is not overtaken, so never more wait than may', async () => {
  const { checks, present } = setUp()
  const outcomes: Promise<string>[] = []
  const attempt = (name: string) => {
    const outcome = new Promise<Identity>(resolve => resolve(present(`anna:${name}`))).then(
      () => 'in',
      error => error.code,
    )
    outcomes.push(outcome)
    return outcome
  }
  for (let i = 0; i < 34; i++) void attempt(`early ${i}`)
  await turn()
  assert.equal(checks.length, 2)
  // They come between the end of a check and the beginning of the next one.
  const late = checks[0]!.ended.then(() => [0, 1].map(i => attempt(`late ${i}`)))
  checks[0]!.settle(false)
  await turn()
  assert.equal(checks[2]!.password, 'early 2')
  assert.equal(await (await late)[1], 'WG_OVERLOADED')
  for (let done = 1; done < checks.length; done++) {
    checks[done]!.settle(false)
    await turn()
  }
  await Promise.all(outcomes)
  assert.equal(checks.length, 35)
})

test('a hash matches its password in any Unicode spelling, and no other password', async () => {
  const hash = parsePasswordHash(formatPasswordHash(await hashPassword('p\u00e4ss')))
  assert.ok(await isPassword('pa\u0308ss', hash))
  for (const other of ['pass']) assert.ok(!(await isPassword(other, hash)), other)
  assert.notDeepEqual((await hashPassword('p\u00e4ss')).salt, hash.salt)
})

test('a hash that is malformed, too cheap or too expensive is refused without being quoted', () => {
  const salt = 'c2FsdHNhbHRzYWx0'
  const hash = 'aGFzaGhhc2hoYXNoaGFzaGhhc2g'
  parsePasswordHash(`$scrypt$ln=14,r=8,p=5$${salt}$${hash}`)
  for (const text of [
    '',
    'hunter2',
    '$2y$10$abcdefghijklmnopqrstuv',
    '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
    `$scrypt$ln=9,r=8,p=1$${salt}$${hash}`,
    `$scrypt$ln=17,r=8,p=1$${salt}$${hash}`,
    `$scrypt$ln=14,r=0,p=1$${salt}$${hash}`,
    `$scrypt$ln=14,r=8,p=5$${salt}$`,
    `$scrypt$ln=14,r=8,p=5$${salt}$${hash}==`,
    `$scrypt$ln=14,r=8,p=5$${'A'.repeat(100_000)}`,
  ]) {
    assert.throws(
      () => parsePasswordHash(text),
      (error: unknown) => error instanceof TypeError && (text === '' || !error.message.includes(text)),
    )
  }
})
