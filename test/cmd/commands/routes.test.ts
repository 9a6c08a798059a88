import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeProblem } from '../../../cmd/commands/routes.ts'
import { startFakeAdmin } from '../../support/fake-admin.ts'
import { runProgram } from '../../support/waygate.ts'

test('a problem shows no control characters, which keys and values of the registry may have', () => {
  assert.equal(
    describeProblem({ key: '/services/\u001b[2J', reason: 'not \u202e"x"' }),
    '/services/\ufffd[2J: not \ufffd"x"',
  )
})

test('of what a route asks for, the names are shown, so that requests and failures fit beside them', async t => {
  const shared = { hosts: null, methods: null, service: 'user', requests: 7, failures: 1, origin: 'etcd' }
  const jwt = { jwt: { scopes: ['task:read'], roles: [] } }
  const { url } = await startFakeAdmin(t, {
    '/api/v1/routes': {
      ...{ revision: '4', defaultAuth: 'jwt', services: [], problems: [] },
      source: {
        registry: 'etcd',
        stale: true,
        connected: false,
        suspects: 0,
        drift: 0,
        reason: 'no \u001b[2J',
      },
      routes: [
        { ...shared, id: 'tasks', path: '/tasks/*', auth: jwt },
        { ...shared, id: 'either', path: '/either/*', auth: [jwt, 'api-key'] },
        { ...shared, id: 'broken', path: '/broken/*', auth: jwt, broken: true },
      ],
    },
  })
  const { stdout, stderr } = await runProgram({ args: ['routes', '--admin', url] })
  assert.equal(
    stdout,
    [
      'ROUTE   METHODS  PATH       SERVICE  AUTH         NODES  REQUESTS  FAILURES',
      'tasks   *        /tasks/*   user     jwt          none   7         1',
      'either  *        /either/*  user     jwt,api-key  none   7         1',
      'broken  *        /broken/*  user     broken: 503  none   7         1',
      '',
    ].join('\n'),
  )
  assert.match(stderr, /^no \ufffd\[2J$/m, 'a terminal obeys nothing in the reason')
})
