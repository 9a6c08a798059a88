import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onPath } from '../../support/etcd.ts'
import type { Operation, Target, TlsClient } from './target.ts'

const EVENTS = 'data: 1\n\ndata: 2\n\ndata: 3\n\n'
const TIMEOUT_MS = 120_000

export interface Ended {
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program.
 *
 * @throws Error with what it wrote to stderr when it fails
 */
export function run(
  command: readonly string[],
  { input = '', env = {} }: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const [file, ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(file!, args, { timeout: TIMEOUT_MS, env: { ...process.env, ...env } })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', text => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', text => (stderr += text))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve({ stdout, stderr })
      else reject(new Error(`${file} ended with ${code ?? signal}: ${stderr.trim().slice(-500)}`))
    })
    child.stdin.on('error', () => {}).end(input)
  })
}

/** The clients that are programs for the command line. */
export function commandLineClients(): readonly TlsClient[] {
  const client = (
    program: string,
    name: string,
    operations: readonly Operation[],
    act: NonNullable<TlsClient['run']>,
    isWhole = true,
  ): TlsClient => ({
    ...{ name, operations, verifies: isWhole, hasCertificate: isWhole },
    run: onPath(program) ? act : undefined,
  })
  const most: readonly Operation[] = ['get', 'post', 'twice', 'events']
  return [
    client('curl', 'curl --http1.1', most, (...args) => runCurl('1.1', ...args)),
    client('curl', 'curl --http2', most, (...args) => runCurl('2', ...args)),
    client('nghttp', 'nghttp', most, runNghttp),
    client('h2load', 'h2load, HTTP/1.1', ['get', 'post'], (...args) => runH2load(['--h1'], ...args), false),
    client('h2load', 'h2load, HTTP/2', ['get', 'post'], (...args) => runH2load([], ...args), false),
    client('openssl', 'openssl s_client', ['get', 'again'], runOpenssl),
  ]
}

async function runCurl(version: string, operation: Operation, { url, ca, own }: Target): Promise<void> {
  const path = `${url}/echo/${operation === 'events' ? 'events' : 'x'}`
  const { stdout } = await run([
    ...['curl', '-sSN', `--http${version}`, '--cacert', ca, '-w', '|%{http_code} %{http_version}\n'],
    ...(own ? ['--cert', own.cert, '--key', own.key] : []),
    ...(operation === 'post' ? ['--data-binary', 'sent'] : []),
    ...(operation === 'twice' ? [path, path] : [path]),
  ])
  const body = operation === 'post' ? 'sent' : operation === 'events' ? EVENTS : 'hello'
  assert.equal(stdout, `${body}|200 ${version}\n`.repeat(operation === 'twice' ? 2 : 1))
}

async function runNghttp(operation: Operation, { url, ca, own }: Target): Promise<void> {
  await using files = await openFolder()
  const body = join(files.folder, 'body')
  await writeFile(body, 'sent')
  const path = `${url}/echo/${operation === 'events' ? 'events' : 'x'}`
  const { stdout, stderr } = await run(
    [
      ...['nghttp', ...(own ? [`--cert=${own.cert}`, `--key=${own.key}`] : [])],
      ...(operation === 'post' ? ['-d', body] : []),
      ...(operation === 'twice' ? [path, `${path}2`] : [path]),
    ],
    { env: { SSL_CERT_FILE: ca } },
  )
  // It only warns of those that it does not trust.
  assert.equal(stderr, '')
  const wanted = operation === 'post' ? 'sent' : operation === 'events' ? EVENTS : 'hello'
  assert.equal(stdout, wanted.repeat(operation === 'twice' ? 2 : 1))
}

/** Makes 200 requests on 4 connections, 4 at a time on each. */
async function runH2load(options: readonly string[], operation: Operation, { url }: Target): Promise<void> {
  await using files = await openFolder()
  const body = join(files.folder, 'body')
  await writeFile(body, 'sent')
  const { stdout } = await run([
    ...['h2load', ...options, '-n', '200', '-c', '4', '-m', '4'],
    ...(operation === 'post' ? ['-d', body] : []),
    `${url}/echo/x`,
  ])
  assert.match(stdout, /200 succeeded, 0 failed/)
  assert.match(stdout, /status codes: 200 2xx/)
}

async function runOpenssl(operation: Operation, { url, ca, own }: Target): Promise<void> {
  await using files = await openFolder()
  const session = join(files.folder, 'session')
  const { host } = new URL(url)
  const ask = (...options: readonly string[]) =>
    run(
      [
        ...['openssl', 's_client', '-connect', host, '-servername', 'localhost', '-alpn', 'http/1.1'],
        ...['-CAfile', ca, '-verify_return_error', '-verify_hostname', 'localhost', '-ign_eof', ...options],
        ...(own ? ['-cert', own.cert, '-key', own.key] : []),
      ],
      { input: 'GET /echo/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' },
    )
  const { stdout } = await ask('-sess_out', session)
  assert.match(stdout, /HTTP\/1\.1 200 OK[\s\S]*hello/)
  if (operation === 'get') return
  const again = await ask('-sess_in', session)
  assert.match(again.stdout, /^Reused, TLSv1\.3/m)
  assert.match(again.stdout, /HTTP\/1\.1 200 OK[\s\S]*hello/)
}

/** A folder that goes with the scope. */
export async function openFolder(): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-foreign-'))
  return {
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  }
}
