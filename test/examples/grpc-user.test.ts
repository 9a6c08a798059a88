import assert from 'node:assert/strict'
import { test } from 'node:test'
import jwt from 'jsonwebtoken'
import { openUsers } from '../../examples/grpc/user/users.ts'
import { createExampleClient } from './grpc-client.ts'

const SECRET = 'a secret of at least thirty-two bytes'

test('a user registers, logs in, and gets a token that says who it is', async () => {
  const { service, close } = await openUsers(':memory:', { secret: SECRET })
  const port = await service.listen('127.0.0.1', 0)
  try {
    using client = createExampleClient('user/v1/user.proto', 'user.v1.Users', port)
    const ada = { name: 'ada', password: 'correct horse' }
    const { id, name } = (await client.call('Register', ada)).replies[0]!
    assert.equal(name, 'ada')
    const { token, expiresIn } = (await client.call('Login', ada)).replies[0]!
    assert.equal(expiresIn, 3_600)
    assert.equal(jwt.verify(String(token), SECRET).sub, id)
    assert.deepEqual((await client.call('GetMe', {}, String(id))).replies, [{ id, name: 'ada' }])

    const status = async (...args: Parameters<typeof client.call>) => (await client.call(...args)).status
    assert.equal(await status('Register', ada), 'ALREADY_EXISTS')
    assert.equal(await status('Register', { name: 'a b', password: 'correct horse' }), 'INVALID_ARGUMENT')
    assert.equal(await status('Register', { name: 'bob', password: 'short' }), 'INVALID_ARGUMENT')
    assert.equal(await status('Login', { name: 'ada', password: 'wrong horse' }), 'UNAUTHENTICATED')
    assert.equal(await status('Login', { name: 'bob', password: 'wrong horse' }), 'UNAUTHENTICATED')
    assert.equal(await status('GetMe', {}), 'UNAUTHENTICATED')
    assert.equal(await status('GetMe', {}, 'nobody'), 'NOT_FOUND')
  } finally {
    await service.close()
    close()
  }
})
