import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { requireEtcd, startEtcd } from '../../support/etcd.ts'
import { conformanceCases } from './conformance.ts'
import { Conversation } from './conversation.ts'

/**
 * What etcd 3.4.23 answered, so that the embedded one is held to it on machines without etcd too. After a
 * change of the cases: RECORD=1 node --test test/discovery/embedded-etcd/conformance.test.ts
 */
const RECORDED = new URL('conformance.recorded.txt', import.meta.url)
const recorded = readRecorded(readFileSync(RECORDED, 'utf8'))

async function transcriptOf(
  name: string,
  url: string,
  restart?: () => Promise<string>,
): Promise<readonly unknown[]> {
  await using etcd = await Conversation.open(url, restart)
  await conformanceCases[name]!(etcd)
  return JSON.parse(JSON.stringify(etcd.transcript)) as unknown[]
}

suite('the embedded etcd answers as etcd does', () => {
  let server: Awaited<ReturnType<typeof startEmbeddedEtcd>>
  before(async () => {
    server = await startEmbeddedEtcd({ port: 0, progressIntervalMs: 100 })
  })
  after(() => server.close())

  for (const name of Object.keys(conformanceCases)) {
    test(name, async () => {
      assert.deepEqual(await transcriptOf(name, server.url), recorded[name])
    })
  }
})

suite('the embedded etcd answers as etcd does, with its data on disk and a restart before each call that has no stream yet', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waygate-conformance-'))
  let server: Awaited<ReturnType<typeof startEmbeddedEtcd>>
  const start = async () => {
    server = await startEmbeddedEtcd({ port: 0, progressIntervalMs: 100, dataFolder: folder })
  }
  const restart = async () => {
    await server.close()
    await start()
    return server.url
  }
  before(start)
  after(async () => {
    await server.close()
    rmSync(folder, { recursive: true })
  })

  for (const name of Object.keys(conformanceCases)) {
    test(name, async () => {
      assert.deepEqual(await transcriptOf(name, server.url, restart), recorded[name])
    })
  }
})

test('a real etcd answers what was recorded', async t => {
  if (!requireEtcd(t)) return
  await using etcd = await startEtcd({ args: ['--experimental-watch-progress-notify-interval', '100ms'] })
  const answers: Record<string, readonly unknown[]> = {}
  for (const name of Object.keys(conformanceCases)) {
    await t.test(name, async () => {
      answers[name] = await transcriptOf(name, etcd.url)
      if (!process.env.RECORD) assert.deepEqual(answers[name], recorded[name])
    })
  }
  if (process.env.RECORD) writeFileSync(RECORDED, writeRecorded(answers))
})

/** Writes a heading per case and a line per answer, so that a change shows only as the changed lines. */
function writeRecorded(answers: Record<string, readonly unknown[]>): string {
  const sections = Object.entries(answers).map(([name, lines]) => [
    `# ${name}`,
    ...lines.map(line => JSON.stringify(line)),
  ])
  return `${sections.flat().join('\n')}\n`
}

function readRecorded(text: string): Record<string, readonly unknown[]> {
  const sections = text.split(/^# /m).slice(1)
  return Object.fromEntries(
    sections.map(section => {
      const [name = '', ...lines] = section.trim().split('\n')
      return [name, lines.map(line => JSON.parse(line))]
    }),
  )
}
