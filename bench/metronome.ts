import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

interface Beat {
  readonly intervalMs: number
  readonly count: number
  /** On the clock of `performance.timeOrigin + performance.now()`, which both threads share. */
  readonly startsAt: number
}

/**
 * Calls `beat` every so many milliseconds, so often, and resolves after the last one. A thread that sleeps to the
 * moment wakes this one: timers of the event loop are up to a millisecond late. Beats that find this thread busy
 * come late, so `beat` has to look at the clock and catch up.
 */
export function keepTime(
  intervalMs: number,
  count: number,
  startsAt: number,
  beat: () => void,
): Promise<void> {
  const workerData: Beat = { intervalMs, count, startsAt }
  const worker = new Worker(new URL(import.meta.url), { workerData })
  worker.on('message', beat)
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', () => resolve())
  })
}

function sleepAndBeat({ intervalMs, count, startsAt }: Beat): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for (let i = 0; i < count; i++) {
    const leftMs = startsAt + i * intervalMs - (performance.timeOrigin + performance.now())
    if (leftMs > 0) Atomics.wait(sleeper, 0, 0, leftMs)
    parentPort!.postMessage(i)
  }
}

if (!isMainThread && workerData !== null && 'startsAt' in workerData) sleepAndBeat(workerData)
