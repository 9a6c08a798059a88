import { type Handler, type Service, startService } from './service.ts'

export interface LimitedServiceOptions {
  /** How many requests it works on at the same time; the others wait, however many there are. */
  readonly atOnce: number
  /** How long it works on one, milliseconds. */
  readonly workMs: number
}

/** A node whose capacity is known: `atOnce * 1000 / workMs` requests a second. Whoever started it calls `close()`. */
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
