import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import jwt from 'jsonwebtoken'
import { buildApp, type UserAppOptions } from '../../examples/user/app.ts'
import { hashPassword, verifyPassword } from '../../examples/user/password.ts'

const SECRET = 'a secret of at least thirty-two bytes'
const ANNA = { name: 'anna', password: 'correct horse battery' }

function startApp(options: Partial<UserAppOptions> = {}) {
  return buildApp({ database: ':memory:', tokens: { secret: SECRET }, ...options })
}

test('a registered user can log in, and the token identifies the user', async () => {
  await using app = await startApp({
    tokens: { secret: SECRET, issuer: 'https://id.example', audience: 'shop' },
  })
  const registered = await app.inject({ method: 'POST', url: '/register', payload: ANNA })
  assert.equal(registered.statusCode, 201)
  const user = registered.json()
  assert.deepEqual(Object.keys(user).sort(), ['id', 'name'])
  assert.equal(user.name, 'anna')

  const loggedIn = await app.inject({ method: 'POST', url: '/login', payload: ANNA })
  assert.equal(loggedIn.statusCode, 200)
  assert.equal(loggedIn.headers['cache-control'], 'no-store')
  const { token, expiresIn } = loggedIn.json()
  assert.equal(expiresIn, 3_600)
  const claims = jwt.verify(token, SECRET, {
    algorithms: ['HS256'],
    issuer: 'https://id.example',
    audience: 'shop',
  }) as jwt.JwtPayload
  assert.equal(claims.sub, user.id)
  assert.equal(claims.exp! - claims.iat!, 3_600)
})

test('without an issuer and an audience the token contains none', async () => {
  await using app = await startApp()
  await app.inject({ method: 'POST', url: '/register', payload: ANNA })
  const { token } = (await app.inject({ method: 'POST', url: '/login', payload: ANNA })).json()
  assert.deepEqual(Object.keys(jwt.decode(token) as object).sort(), ['exp', 'iat', 'sub'])
})

test('/me returns the user that the gateway names', async () => {
  await using app = await startApp()
  const { id } = (await app.inject({ method: 'POST', url: '/register', payload: ANNA })).json()
  const me = await app.inject({ url: '/me', headers: { 'x-user-id': id } })
  assert.equal(me.statusCode, 200)
  assert.deepEqual(me.json(), { id, name: 'anna' })
  assert.equal((await app.inject({ url: '/me' })).statusCode, 401)
  assert.equal((await app.inject({ url: '/me', headers: { 'x-user-id': 'nobody' } })).statusCode, 404)
})

test('a name can be taken once, regardless of case', async () => {
  await using app = await startApp()
  const register = (name: string) =>
    app.inject({ method: 'POST', url: '/register', payload: { ...ANNA, name } })
  const statuses = (await Promise.all([register('anna'), register('Anna'), register('ANNA')])).map(
    answer => answer.statusCode,
  )
  assert.deepEqual(statuses.sort(), [201, 409, 409])
})

test('a wrong password and an unknown name get the same answer', async () => {
  await using app = await startApp()
  await app.inject({ method: 'POST', url: '/register', payload: ANNA })
  const login = (payload: typeof ANNA) => app.inject({ method: 'POST', url: '/login', payload })
  const wrong = await login({ ...ANNA, password: 'wrong password' })
  const unknown = await login({ ...ANNA, name: 'berta' })
  assert.equal(wrong.statusCode, 401)
  assert.equal(unknown.statusCode, 401)
  assert.equal(wrong.body, unknown.body)
})

test('bodies that do not fit are refused as problems', async t => {
  await using app = await startApp()
  const cases: Record<string, unknown> = {
    'no password': { name: 'anna' },
    'a short password': { name: 'anna', password: '1234567' },
    'a number for a name': { name: 7, password: 'long enough' },
    'a name with markup': { name: '<b>', password: 'long enough' },
    'an unknown field': { ...ANNA, admin: true },
    'an array': [],
  }
  for (const [what, payload] of Object.entries(cases)) {
    await t.test(what, async () => {
      const answer = await app.inject({ method: 'POST', url: '/register', payload: payload as object })
      assert.equal(answer.statusCode, 400)
      assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
      const { type, title, status, detail } = answer.json()
      assert.deepEqual({ type, title, status }, { type: 'about:blank', title: 'Bad Request', status: 400 })
      assert.match(detail, /^body/)
    })
  }
})

test('two nodes that share a file share their users', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-user-'))
  try {
    const database = join(folder, 'users.db')
    await using one = await startApp({ database })
    await using other = await startApp({ database })
    await one.inject({ method: 'POST', url: '/register', payload: ANNA })
    const loggedIn = await other.inject({ method: 'POST', url: '/login', payload: ANNA })
    assert.equal(loggedIn.statusCode, 200)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('an internal error is a 500 without details', async () => {
  await using app = await startApp()
  app.get('/broken', () => {
    throw new Error('SELECT secret FROM somewhere')
  })
  const answer = await app.inject('/broken')
  assert.equal(answer.statusCode, 500)
  assert.doesNotMatch(answer.body, /SELECT/)
  assert.equal(answer.json().title, 'Internal Server Error')
})

test('a path that does not exist is a 404 problem', async () => {
  await using app = await startApp()
  const answer = await app.inject('/nowhere?token=hidden')
  assert.equal(answer.statusCode, 404)
  assert.equal(answer.json().detail, 'there is no GET /nowhere')
})

test('a password verifies only against its own hash, and no two hashes are the same', async () => {
  const [one, two] = await Promise.all([hashPassword('päss wörd'), hashPassword('päss wörd')])
  assert.notEqual(one, two)
  assert.equal(await verifyPassword('päss wörd', one), true)
  assert.equal(await verifyPassword('päss wörd'.normalize('NFD'), one), true)
  assert.equal(await verifyPassword('pass word', one), false)
  await assert.rejects(verifyPassword('anything', 'plain text'), /not a password hash/)
})

test('an empty signing secret is refused at startup', async () => {
  await assert.rejects(startApp({ tokens: { secret: '' } }), /must not be empty/)
})
