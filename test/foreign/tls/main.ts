import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeAuthority } from '../../support/certificates.ts'
import { onPath } from '../../support/etcd.ts'
import { startTlsGateway, type TlsGateway } from '../../support/tls-gateway.ts'
import type { Toolchain } from '../toolchain.ts'
import { runChromium, withPage } from './chromium.ts'
import { commandLineClients, run } from './command-line.ts'
import type { Operation, OwnCertificate, Target, TlsClient } from './target.ts'

/** The columns of the table. */
const COLUMNS = [
  'GET',
  'POST',
  'one connection',
  'stream',
  'resumed',
  'client certificate',
  'refuses a stranger',
] as const
type Column = (typeof COLUMNS)[number]

const HTTP: readonly Operation[] = ['get', 'post', 'twice', 'events']

export interface OverTlsOptions {
  /** Where programs are built. */
  readonly folder: string
  readonly toolchain: Pick<Toolchain, 'set' | 'python'>
  /** Clients whose names contain this. */
  readonly only: string
}

/**
 * Calls a gateway over TLS with clients in several languages, and prints what works. Each client trusts a new authority and
 * no other. Returns whether everything works.
 */
export async function runOverTls({ folder, toolchain, only }: OverTlsOptions): Promise<boolean> {
  await using stack = new AsyncDisposableStack()
  const after = (remove: unknown) => stack.defer(remove as () => void)
  const [authority, other] = [makeAuthority({ after }), makeAuthority({ after }, 'Other Authority')]
  const own = await makeOwn(folder, authority.issue('client'))
  const start = async (asksClients: boolean) => {
    const started = stack.use(await startTlsGateway({ authority, asksClients, isGrpc: true }))
    started.node.handler = withPage(started.node.handler)
    return started
  }
  const open = await start(false)
  const closed = await start(true)
  const clients = (await clientsOf(folder, toolchain)).filter(({ name }) => name.includes(only))
  console.log('\nOver TLS:\n')
  console.log(`| client | ${COLUMNS.join(' | ')} |\n|---|${COLUMNS.map(() => '---|').join('')}`)
  const errors: string[] = []
  for (const client of clients) {
    if (client.run === undefined) {
      console.log(`left out: the client ${client.name}`)
      continue
    }
    const tried = await tryClient(client, { open, closed, own, stranger: other.ca })
    for (const [column, error] of tried)
      if (error !== undefined) errors.push(`${client.name}, ${column}: ${error}`)
    const cells = COLUMNS.map(column =>
      !tried.has(column) ? '–' : tried.get(column) === undefined ? 'ok' : 'FAIL',
    )
    console.log(`| ${client.name} | ${cells.join(' | ')} |`)
  }
  for (const error of errors) console.log(`\n${error}`)
  for (const { gateway } of [open, closed]) {
    if (gateway.hasExited()) errors.push(`the gateway has ended\n${gateway.stderr()}`)
  }
  return errors.length === 0
}

interface Gateways {
  readonly open: TlsGateway
  /** It asks for client certificates. */
  readonly closed: TlsGateway
  readonly own: OwnCertificate
  /** The file of an authority that has not issued the certificate of the gateway. */
  readonly stranger: string
}

/** Returns what has failed, or undefined, of everything that a client can do. */
async function tryClient(
  { operations, verifies, hasCertificate, run }: TlsClient,
  { open, closed, own, stranger }: Gateways,
): Promise<Map<Column, string | undefined>> {
  const tried = new Map<Column, string | undefined>()
  const attempt = async (column: Column, act: () => Promise<void>) => {
    tried.set(
      column,
      await act().then(
        () => undefined,
        error => String(error).slice(0, 600),
      ),
    )
  }
  const target: Target = { url: open.url, ca: open.authority.ca, own: undefined }
  const can = (operation: Operation) => operations.includes(operation)
  /** Returns how many handshakes of each kind an operation takes. */
  const handshakesOf = async (operation: Operation) => {
    const before = await open.handshakes()
    await run!(operation, target)
    const { full, resumed } = await open.handshakes()
    return { full: full - before.full, resumed: resumed - before.resumed }
  }
  await attempt('GET', () => run!('get', target))
  if (can('post')) await attempt('POST', () => run!('post', target))
  if (can('twice'))
    await attempt('one connection', async () => {
      const { full, resumed } = await handshakesOf('twice')
      if (full + resumed !== 1) throw new Error(`it has connected ${full + resumed} times`)
    })
  if (can('events')) await attempt('stream', () => run!('events', target))
  if (can('again'))
    await attempt('resumed', async () => {
      const { full, resumed } = await handshakesOf('again')
      if (full !== 1 || resumed !== 1) throw new Error(`${full} full handshakes, ${resumed} resumed`)
    })
  if (hasCertificate)
    await attempt('client certificate', async () => {
      await run!('get', { ...target, url: closed.url, own })
      await mustFail('it got an answer without a certificate', () =>
        run!('get', { ...target, url: closed.url }),
      )
    })
  if (verifies)
    await attempt('refuses a stranger', () =>
      mustFail('it trusts an authority that it was not told of', () =>
        run!('get', { ...target, ca: stranger }),
      ),
    )
  return tried
}

async function mustFail(complaint: string, act: () => Promise<void>): Promise<void> {
  const failed = await act().then(
    () => false,
    () => true,
  )
  if (!failed) throw new Error(complaint)
}

async function makeOwn(
  folder: string,
  { cert, key }: { readonly cert: string; readonly key: string },
): Promise<OwnCertificate> {
  const pkcs12 = join(folder, 'client.p12')
  await run([
    ...['openssl', 'pkcs12', '-export', '-in', cert, '-inkey', key],
    ...['-out', pkcs12, '-passout', 'pass:test'],
  ])
  return { cert, key, pkcs12 }
}

async function clientsOf(
  folder: string,
  { set, python }: OverTlsOptions['toolchain'],
): Promise<readonly TlsClient[]> {
  const at = (file: string) => join(import.meta.dirname, file)
  const built = async (programs: readonly string[], build: () => Promise<unknown>): Promise<boolean> => {
    if (!programs.every(onPath)) return false
    try {
      await build()
      return true
    } catch (error) {
      console.log(String(error))
      return false
    }
  }
  const hasJava = await built(['javac', 'java'], () => run(['javac', '-d', folder, at('TlsClient.java')]))
  const goProgram = join(folder, 'go-tls')
  const hasGo = await built(['go'], async () => {
    // With main.go in a folder without a go.mod.
    await copyFile(at('main.go'), join(folder, 'tls.go'))
    const env = { GO111MODULE: 'off', GOCACHE: join(folder, 'go-cache'), GOFLAGS: '' }
    await run(['go', 'build', '-o', goProgram, join(folder, 'tls.go')], { env })
  })
  const program = (
    isThere: boolean,
    name: string,
    operations: readonly Operation[],
    words: readonly string[],
    kind: string,
    more: readonly string[] = [],
  ): TlsClient => ({
    ...{ name, operations, verifies: true, hasCertificate: kind !== 'fetch' },
    run: isThere
      ? async (operation, { url, ca, own }) => {
          const files = words[0] === 'java' ? [own?.pkcs12 ?? ''] : [own?.cert ?? '', own?.key ?? '']
          await run([...words, operation, kind, url, ca, ...files, ...more])
        }
      : undefined,
  })
  const all: readonly Operation[] = [...HTTP, 'again']
  const java = ['java', '-cp', folder, 'TlsClient']
  const node = [process.execPath, '--conditions=waygate-source', at('node-client.ts')]
  const snake = [python ?? 'python3', at('client.py')]
  const hasChromium = onPath('chromium') && onPath('certutil')
  return [
    ...commandLineClients(),
    program(hasJava, 'Java, HttpClient, HTTP/1.1', HTTP, java, '1'),
    program(hasJava, 'Java, HttpClient, HTTP/2', HTTP, java, '2'),
    program(hasGo, 'Go, net/http, HTTP/1.1', all, [goProgram], '1'),
    program(hasGo, 'Go, net/http, HTTP/2', all, [goProgram], '2'),
    program(python !== undefined || onPath('python3'), 'Python, urllib and http.client', HTTP, snake, 'http'),
    program(python !== undefined, 'Python, grpcio', HTTP, snake, 'grpc', [set]),
    program(true, 'Node, https', all, node, 'https'),
    program(true, 'Node, http2', all, node, 'http2'),
    program(true, 'Node, fetch', HTTP, node, 'fetch'),
    program(true, 'Node, grpc-js', HTTP, node, 'grpc-js'),
    {
      // How many connections it makes is up to it.
      ...{
        name: 'Chromium',
        operations: ['get', 'post', 'events'] as const,
        verifies: true,
        hasCertificate: false,
      },
      run: hasChromium ? runChromium : undefined,
    },
  ]
}
