import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServiceDefinition } from '@grpc/grpc-js'
import { ECHO, type EchoInput, type EchoReply, echoPackage } from '../../support/grpc-echo.ts'
import { FAILURE_DETAILS, FAILURE_MESSAGE, type KindResult, runKinds } from '../kinds.ts'

const UNARY = `/${ECHO}/Unary`
const GRPC_FIELDS = ['-H', 'content-type: application/grpc', '-H', 'te: trailers']

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, whatever its exit code is. */
function end(file: string, args: readonly string[], input = ''): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const options = { timeout: 60_000, maxBuffer: 64 << 20, encoding: 'utf8' } as const
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    })
    child.stdin?.on('error', () => {}).end(input)
  })
}

/** Calls with `buf curl`, out of the folder in which it is installed. */
export async function runBuf(folder: string, address: string, rounds: number): Promise<KindResult[]> {
  const buf = join(folder, 'node_modules/.bin/buf')
  const call = (method: string, requests: readonly object[], options: readonly string[] = []) =>
    end(
      buf,
      [
        ...['curl', '--http2-prior-knowledge', '--protocol', 'grpc', '--schema', join(folder, 'proto')],
        ...[...options, '-d', '@-', `http://${address}/${ECHO}/${method}`],
      ],
      requests.map(request => JSON.stringify(request)).join('\n'),
    )
  const replies = async (method: string, ...requests: readonly object[]) => {
    const { code, stdout, stderr } = await call(method, requests)
    assert.equal(code, 0, stderr)
    // Messages follow each other, each over several lines.
    return stdout
      .trim()
      .split(/(?<=^\})\n/m)
      .map(text => JSON.parse(text) as { text?: string; index?: number; node: string; payload?: string })
  }
  const failure = async (...[method, requests, options]: Parameters<typeof call>) => {
    const { code, stderr } = await call(method, requests, options)
    assert.notEqual(code, 0)
    return JSON.parse(stderr.slice(stderr.indexOf('{'))) as {
      code: string
      message: string
      details?: unknown[]
    }
  }
  return runKinds(
    {
      async unary() {
        const [reply] = await replies('Unary', { text: 'ä☃' })
        assert.equal(reply?.text, 'ä☃')
        return reply.node
      },
      async 'server stream'() {
        const all = await replies('ServerStream', { count: 5 })
        assert.deepEqual(
          all.map(({ index = 0 }) => index),
          [0, 1, 2, 3, 4],
        )
        return all[0]!.node
      },
      async 'client stream'() {
        const [reply] = await replies('ClientStream', { text: 'a' }, { text: 'b' })
        assert.equal(reply?.text, 'a,b')
        return reply.node
      },
      async bidi() {
        const all = await replies('Bidi', { text: 'a' }, { text: 'b' }, { text: 'c' })
        assert.deepEqual(
          all.map(({ text }) => text),
          ['a', 'b', 'c'],
        )
        return all[0]!.node
      },
      async deadline() {
        const { code } = await failure('Unary', [{ delayMs: 30_000 }], ['--timeout', '3s'])
        assert.equal(code, 'deadline_exceeded')
        return undefined
      },
      async status() {
        const fail = { code: 5, message: FAILURE_MESSAGE }
        const { code, message } = await failure('Unary', [{ fail }])
        assert.deepEqual([code, message], ['not_found', FAILURE_MESSAGE])
        return undefined
      },
      async details() {
        const fail = { code: 5, message: 'gone', details: FAILURE_DETAILS.toString('base64') }
        const { details } = await failure('Unary', [{ fail }])
        assert.match(JSON.stringify(details), /google\.rpc\.ErrorInfo/)
        return undefined
      },
      async metadata() {
        const { stderr } = await call('Unary', [{}], ['-v', '-H', 'x-echo-a: one', '-H', 'x-echo-b-bin: AP8'])
        assert.equal(stderr.match(/^buf: < .*x-echo-a: one/gim)?.length, 2, stderr)
        return undefined
      },
      async large() {
        const payload = Buffer.alloc(3 << 20, '0123456789abcdef').toString('base64')
        const [reply] = await replies('Unary', { payload })
        assert.equal(reply?.payload, payload)
        return reply.node
      },
    },
    rounds,
  )
}

/** Calls with `curl`, which knows nothing of gRPC: the message is in a file, and the status in the trailers. */
export async function runCurl(folder: string, address: string, rounds: number): Promise<KindResult[]> {
  const call = async (request: EchoInput, fields: readonly string[] = []) => {
    const [body, answer] = [join(folder, 'curl-request'), join(folder, 'curl-answer')]
    await writeFile(body, frame(request))
    const options = ['-sS', '--http2-prior-knowledge', '-D', '-', '-o', answer, '--data-binary', `@${body}`]
    const { stdout } = await end('curl', [
      ...[...options, ...GRPC_FIELDS, ...fields.flatMap(field => ['-H', field])],
      `http://${address}${UNARY}`,
    ])
    return { fields: stdout, reply: async () => replyIn(await readFile(answer)) }
  }
  return runKinds(
    {
      async unary() {
        const { fields, reply } = await call({ text: 'ä☃' })
        assert.match(fields, /^grpc-status: 0\r?$/m)
        const { text, node } = await reply()
        assert.equal(text, 'ä☃')
        return node
      },
      async deadline() {
        const { fields } = await call({ delayMs: 5_000 }, ['grpc-timeout: 300m'])
        assert.match(fields, /^grpc-status: 4\r?$/m)
        return undefined
      },
      async status() {
        const { fields } = await call({ fail: { code: 5, message: FAILURE_MESSAGE } })
        assert.match(fields, /^grpc-status: 5\r?$/m)
        const [, message = ''] = /^grpc-message: (.*?)\r?$/m.exec(fields) ?? []
        assert.equal(decodeURIComponent(message), FAILURE_MESSAGE)
        return undefined
      },
      async metadata() {
        const { fields, reply } = await call({}, ['x-echo-a: one', 'x-echo-b-bin: AP8'])
        assert.equal(fields.match(/^x-echo-a: one\r?$/gm)?.length, 2, fields)
        assert.equal(fields.match(/^x-echo-b-bin: AP8=?\r?$/gm)?.length, 2, fields)
        return (await reply()).node
      },
      async large() {
        const payload = Buffer.alloc(3 << 20, '0123456789abcdef')
        const { reply } = await call({ payload })
        const { payload: found, node } = await reply()
        assert.ok(found.equals(payload))
        return node
      },
    },
    rounds,
  )
}

/** Calls with `nghttp`, the client of nghttp2. */
export async function runNghttp(folder: string, address: string, rounds: number): Promise<KindResult[]> {
  const call = async (request: EchoInput, fields: readonly string[] = []) => {
    const body = join(folder, 'nghttp-request')
    await writeFile(body, frame(request))
    const all = [...GRPC_FIELDS, ...fields.flatMap(field => ['-H', field])]
    const url = `http://${address}${UNARY}`
    return (await end('nghttp', ['-v', '-n', '-d', body, '-H', ':method: POST', ...all, url])).stdout
  }
  return runKinds(
    {
      async unary() {
        assert.match(await call({ text: 'ä☃' }), /grpc-status: 0/)
        return undefined
      },
      async deadline() {
        assert.match(await call({ delayMs: 5_000 }, ['grpc-timeout: 300m']), /grpc-status: 4/)
        return undefined
      },
      async status() {
        assert.match(await call({ fail: { code: 5, message: 'gone' } }), /grpc-status: 5/)
        return undefined
      },
      async metadata() {
        const text = await call({}, ['x-echo-a: one'])
        assert.equal(text.match(/recv .*x-echo-a: one/g)?.length, 2, text)
        return undefined
      },
      async large() {
        assert.match(await call({ payload: Buffer.alloc(3 << 20) }), /grpc-status: 0/)
        return undefined
      },
    },
    rounds,
  )
}

/** Calls with `h2load`: 400 calls over 4 connections, 8 at a time on each. */
export async function runH2load(folder: string, address: string): Promise<KindResult[]> {
  const body = join(folder, 'h2load-request')
  await writeFile(body, frame({ text: 'a' }))
  const load = ['-n', '400', '-c', '4', '-m', '8', '-d', body]
  return runKinds(
    {
      async unary() {
        const { stdout } = await end('h2load', [...load, ...GRPC_FIELDS, `http://${address}${UNARY}`])
        assert.match(stdout, /400 succeeded, 0 failed/)
        return undefined
      },
    },
    1,
  )
}

const { requestSerialize, responseDeserialize } = (echoPackage[ECHO] as ServiceDefinition).Unary!

/** Returns a message with the five bytes that precede it in gRPC. */
function frame(request: EchoInput): Buffer {
  const message = requestSerialize(request)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function replyIn(body: Buffer): EchoReply {
  assert.equal(body.readUInt32BE(1), body.length - 5)
  return responseDeserialize(body.subarray(5)) as EchoReply
}
