import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startFakeAdmin } from '../../support/fake-admin.ts'
import { runProgram } from '../../support/waygate.ts'

test('the nodes of a service are not those of another one whose name differs in case alone', async t => {
  const node = { id: 'n1', address: '10.0.0.7:1', state: 'up', weight: 1, metadata: {} }
  const { url } = await startFakeAdmin(t, {
    '/api/v1/nodes': {
      items: [
        { ...node, service: 'user' },
        { ...node, service: 'User' },
      ],
    },
  })
  const run = (service: string) => runProgram({ args: ['nodes', service, '-o', 'name', '--admin', url] })
  assert.equal((await run('User')).stdout, 'User/n1\n')
  assert.equal((await run('user')).stdout, 'user/n1\n')
})
