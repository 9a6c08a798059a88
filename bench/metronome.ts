import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

interface Beat {
  readonly intervalMs: number
  readonly count: number
  /** Time on the clock `performance.timeOrigin + performance.now()`, which both threads share. */
  readonly startsAt: number
}

/**
 * Calls `beat` `count` times, every `intervalMs`, and resolves after the last call. Timers of the event loop are up to a
 * millisecond late, so another thread sleeps until the exact moment and wakes this one. If this thread is busy, calls are
 * delayed, so `beat` has to look at the clock and catch up.
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
