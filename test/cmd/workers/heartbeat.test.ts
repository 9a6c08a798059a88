import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { Heartbeat } from '../../../cmd/workers/heartbeat.ts'
import type { WorkerProcess } from '../../../cmd/workers/worker-process.ts'

/** Starts a heartbeat of workers that are asked by `beat`, and that answer when `answer` is called. */
function startHeart(t: TestContext, { pids, timeoutMs }: { pids: readonly number[]; timeoutMs: number }) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] })
  const lines: string[] = []
  const killed: number[] = []
  const asked = new Map<number, ((answer: readonly unknown[]) => void)[]>(pids.map(pid => [pid, []]))
  const workers = pids.map(pid => ({
    ...{ pid, isServing: true },
    ask: (_page: unknown, withinMs: number) =>
      new Promise(resolve => {
        setTimeout(resolve, withinMs)
        asked.get(pid)!.push(resolve)
      }),
    killSilent: () => killed.push(pid),
  })) as unknown as WorkerProcess[]
  let isComplete = true
  /** The workers that answered, at each change. */
  const changes: number[][] = []
  const heart = new Heartbeat({
    workers: () => workers,
    isComplete: () => isComplete,
    timeoutMs: () => timeoutMs,
    onChange: () => changes.push(workers.filter(worker => heart.answers(worker)).map(({ pid }) => pid!)),
    logger: pino({ level: 'info' }, { write: line => void lines.push(JSON.parse(line).msg) }),
  })
  t.after(() => heart.close())
  return {
    ...{ heart, workers, lines, killed, changes },
    beat: (times: number) => {
      for (let i = 0; i < times; i++) t.mock.timers.tick(1_000)
    },
    /** Answers the oldest question. */
    async answer(pid: number) {
      asked.get(pid)!.shift()!([])
      await Promise.resolve()
    },
    /** A worker has not listened yet. */
    starts: (pid: number) => {
      Object.assign(workers.find(worker => worker.pid === pid)!, { isServing: false })
      isComplete = false
    },
    /** The first worker has ended. */
    end: () => {
      workers.shift()
      isComplete = false
    },
    /** Its replacement serves, and is not asked here. */
    complete: () => {
      isComplete = true
    },
  }
}

test('a worker whose answers come late, because it is busy, is not killed', async t => {
  const { heart, workers, beat, answer, killed, lines } = startHeart(t, { pids: [1], timeoutMs: 5_000 })
  beat(4)
  for (let i = 0; i < 20; i++) {
    await answer(1)
    beat(1)
  }
  assert.deepEqual(killed, [])
  assert.deepEqual(lines, ['worker does not answer', 'worker answers again'])
  assert.equal(heart.answers(workers[0]!), true)
})

test('a silent worker is killed at its time, while others answer', async t => {
  const { heart, beat, answer, killed } = startHeart(t, { pids: [1, 2], timeoutMs: 5_000 })
  for (let i = 0; i < 5; i++) {
    beat(1)
    await answer(2)
  }
  assert.deepEqual(killed, [])
  beat(1)
  assert.deepEqual(killed, [1])
  assert.equal(heart.killed, 1)
})

test('while none answers, the next one is killed when the one before is replaced', t => {
  const { beat, end, complete, killed } = startHeart(t, { pids: [1, 2], timeoutMs: 5_000 })
  beat(10)
  assert.deepEqual(killed, [1])
  end()
  beat(5)
  assert.deepEqual(killed, [1])
  complete()
  beat(1)
  assert.deepEqual(killed, [1, 2])
})

test('with a time of 0 a silent worker is reported and never killed', t => {
  const { heart, workers, beat, killed, lines } = startHeart(t, { pids: [1], timeoutMs: 0 })
  beat(100)
  assert.deepEqual([killed, lines], [[], ['worker does not answer']])
  assert.equal(heart.answers(workers[0]!), false)
})

test('a worker that is silent before it listens is killed after a minute, and holds up no other', t => {
  const { starts, beat, end, complete, killed, lines } = startHeart(t, { pids: [1, 2], timeoutMs: 5_000 })
  starts(1)
  beat(60)
  assert.deepEqual([killed, lines], [[], ['worker does not answer']], 'the other one has the socket')
  beat(1)
  assert.deepEqual(killed, [1])
  end()
  complete()
  beat(1)
  assert.deepEqual(killed, [1, 2])
})

test('a worker that does not listen yet is no reason to kill the last one with the socket', async t => {
  const { starts, beat, answer, killed } = startHeart(t, { pids: [1, 2], timeoutMs: 5_000 })
  starts(1)
  for (let i = 0; i < 100; i++) {
    beat(1)
    await answer(1)
  }
  assert.deepEqual(killed, [])
})
