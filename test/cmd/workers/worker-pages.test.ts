import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WorkerPool } from '../../../cmd/workers/pool.ts'
import { WorkerPages } from '../../../cmd/workers/worker-pages.ts'
import type { WorkerProcess } from '../../../cmd/workers/worker-process.ts'
import type { ExplainQuestion } from '../../../routes/admin/explain.ts'
import type { MetricValues } from '../../../routes/admin/metrics/metric-values.ts'

function counted(tries: number, node = 'n'): MetricValues {
  return {
    name: 'waygate_node_tries_total',
    help: 'Help.',
    type: 'counter',
    aggregator: 'sum',
    values: [{ labels: { service: 's', node }, value: tries }],
  }
}

/** Makes a worker with the given totals, which it answers with when `answer` resolves. */
function workerWith(last: readonly MetricValues[], answer: Promise<void> = Promise.resolve()): WorkerProcess {
  return { last, pid: 1, ask: () => answer.then(() => last) } as unknown as WorkerProcess
}

function pagesOf(all: readonly WorkerProcess[]): WorkerPages {
  const pages = new WorkerPages()
  pages.show({ all, serving: all, answering: all, restarts: 0 } as unknown as WorkerPool)
  return pages
}

async function triesIn(pages: WorkerPages): Promise<string | undefined> {
  return /^waygate_node_tries_total\{.*\} (.*)$/m.exec((await pages.metrics()).join(''))?.[1]
}

test('the totals of all workers that end at the same time are kept', async () => {
  const pages = pagesOf([])
  await Promise.all([2, 3, 5].map(tries => pages.keep(workerWith([counted(tries)]))))
  assert.equal(await triesIn(pages), '10')
})

test('a worker that ends while another is asked is counted once', async () => {
  const slow = Promise.withResolvers<void>()
  const ending = workerWith([counted(2)])
  const pages = pagesOf([ending, workerWith([counted(3)], slow.promise)])
  const shown = triesIn(pages)
  await pages.keep(ending)
  slow.resolve()
  assert.equal(await shown, '5')
})

test('metrics wait for totals that are still being merged', async () => {
  const pages = pagesOf([])
  const kept = pages.keep(workerWith([counted(4)]))
  assert.equal(await triesIn(pages), '4')
  await kept
})

test('a worker that ended before it served does not lower the totals', async () => {
  const pages = pagesOf([])
  await pages.keep(workerWith([counted(4)]))
  await pages.keep(workerWith([]))
  assert.equal(await triesIn(pages), '4')
})

test('a question that one worker does not answer is asked of another', async () => {
  const silent = { pid: 1, ask: async () => undefined } as unknown as WorkerProcess
  const page = { problems: ['wrong'], warnings: [] }
  const pages = pagesOf([silent, workerWith([page as never])])
  assert.deepEqual(await pages.check({ id: 'r', document: {} }), page)
})

test('a node that leaves after its first worker has ended takes all of its totals along', async () => {
  const values = [counted(5)]
  const pages = pagesOf([workerWith(values)])
  await pages.keep(workerWith([counted(10)]))
  assert.equal(await triesIn(pages), '15')
  values[0] = counted(1, 'later')
  const text = (await pages.metrics()).join('')
  assert.doesNotMatch(text, /node="n"/)
  assert.match(text, /node="later"/)
})

test('a question that a worker leaves unanswered while a reload replaces all of them goes to a new one', async () => {
  const pages = new WorkerPages()
  const asked: string[] = []
  const pool = { answering: [] as WorkerProcess[], serving: [] as WorkerProcess[] }
  const workerOf = (name: string, answers: () => readonly unknown[] | undefined) =>
    ({
      async ask() {
        asked.push(name)
        return answers()
      },
    }) as unknown as WorkerProcess
  const fresh = workerOf('fresh', () => ['explained'])
  const replaceAll = () => {
    pool.answering = [fresh]
    pool.serving = [fresh]
    return undefined
  }
  pool.answering = [workerOf('one', replaceAll), workerOf('two', replaceAll)]
  pool.serving = pool.answering
  pages.show(pool as unknown as WorkerPool)
  assert.equal(await pages.explain({} as ExplainQuestion), 'explained')
  assert.deepEqual(asked, ['one', 'fresh'])
})
