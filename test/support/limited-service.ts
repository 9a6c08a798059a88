import { type Handler, type Service, startService } from './service.ts'

export interface LimitedServiceOptions {
  /** How many requests it processes at the same time; all others wait. */
  readonly atOnce: number
  /** How long one request takes, milliseconds. */
  readonly workMs: number
}

/** Starts a node with a known capacity: `atOnce * 1000 / workMs` requests per second. The caller calls `close()`. */
export function startLimitedService(
  name: string,
  { atOnce, workMs }: LimitedServiceOptions,
): Promise<Service> {
  const waiting: Parameters<Handler>[1][] = []
  let busy = 0
  const work = () => {
    const response = waiting[0]
    if (!response || busy === atOnce) return
    waiting.shift()
    busy++
    setTimeout(() => {
      busy--
      response.end(name)
      work()
    }, workMs)
  }
  return startService(name, (request, response) => {
    request.resume()
    waiting.push(response)
    work()
  })
}
