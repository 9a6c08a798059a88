import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCommandLine } from '../../../cmd/cli/options.ts'
import { describeExplanation } from '../../../cmd/commands/explain.ts'
import { startGatewayHere } from '../../support/gateway-here.ts'
import { runProgram } from '../../support/waygate.ts'

test('method, URL, headers and claims of the command line', () => {
  const { headers, ...command } = parseCommandLine([
    ...['explain', 'post', 'http://a.example/x', '-H', 'X-A: 1', '--header', 'X-A:2', '-H', 'Accept: a: b'],
    ...['--claims', '{"sub": "anna"}', '--client', '10.0.0.1', '-o', 'json'],
  ]) as Extract<ReturnType<typeof parseCommandLine>, { command: 'explain' }>
  assert.deepEqual(headers, { 'X-A': ['1', '2'], Accept: ['a: b'] })
  const { method, url, claims, client, output } = command
  assert.deepEqual(
    [method, url, claims, client, output],
    ['POST', 'http://a.example/x', { sub: 'anna' }, '10.0.0.1', 'json'],
  )
  const parsed = parseCommandLine(['explain', '/x'])
  assert.deepEqual(
    parsed.command === 'explain' && [parsed.method, parsed.url, parsed.client, parsed.claims, parsed.output],
    ['GET', '/x', '127.0.0.1', undefined, 'table'],
  )
  for (const [args, message] of [
    [[], /a URL or a path is missing/],
    [['GET', '/', 'x'], /unexpected argument x/],
    [['/', '-H', 'x'], /--header must be NAME: VALUE, not x/],
    [['/', '--claims', 'x'], /--claims must be a JSON object, not x/],
    [['/', '-o', 'xml'], /--output must be table, json or yaml, not xml/],
    [['/', '-x', '1'], /unknown option -x/],
  ] as const) {
    assert.throws(() => parseCommandLine(['explain', ...args]), message)
  }
})

test('an explanation for people', () => {
  const text = describeExplanation({
    steps: [
      { step: 'request', ok: true, text: 'GET /x' },
      { step: 'clients', ok: false, text: '403 WG_ADDRESS_DENIED: the client address is not allowed' },
    ],
    route: { id: 'a' },
    candidates: [
      { id: 'a', fits: true, lost: null },
      { id: 'b', fits: true, lost: 'a has a higher priority' },
    ],
    nodes: [{ id: 'n1', share: 100, eligible: true }],
    wouldAnswer: { status: 403, code: 'WG_ADDRESS_DENIED' },
    revision: '7',
  })
  assert.equal(
    text,
    [
      'ok    request  GET /x',
      'STOP  clients  403 WG_ADDRESS_DENIED: the client address is not allowed',
      '',
      'Documents:',
      '  a: takes the request',
      '  b: a has a higher priority',
      '',
      'Nodes:',
      '  n1: 100 %',
      '',
      'The gateway would answer 403 WG_ADDRESS_DENIED. (revision 7)',
    ].join('\n'),
  )
})

test('waygate explain asks a running gateway, and its exit code says how it would end', async () => {
  await using gateway = await startGatewayHere()
  const explain = (...args: string[]) => runProgram({ args: ['explain', ...args, '--admin', gateway.admin] })
  const none = await explain('/nowhere')
  assert.equal(none.code, 5, none.stderr)
  assert.match(none.stdout, /^STOP {2}route {4}404 WG_NO_ROUTE/m)
  const bad = await explain('-o', 'json', 'http://a/%zz')
  assert.equal(bad.code, 6)
  assert.deepEqual((JSON.parse(bad.stdout) as { wouldAnswer: object }).wouldAnswer, {
    status: 400,
    code: 'WG_BAD_REQUEST',
  })
})
