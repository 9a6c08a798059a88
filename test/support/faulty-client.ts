import { setTimeout as delay } from 'node:timers/promises'
import { type Etcd3, GRPCUnavailableError } from 'etcd3'

/** What a client does to its calls. `isOn` may be changed at any time. */
export interface ClientFaults {
  isOn: boolean
  /** Calls made so far, without those on streams. */
  calls: number
  /** Calls that etcd has not carried out yet. */
  pending: number
  /** The ids of the leases that were requested. */
  readonly leases: Set<string>
  /** The revision of the last put outside of a transaction. */
  putRevision: bigint
  /** What was done to each call, for people. */
  readonly trace: string[]
  /** Ends the streams that are open. */
  cut(): void
}

interface Stream {
  write(message: unknown): unknown
  emit(event: 'error', error: Error): boolean
  cancel(): void
}

const MAX_LATE_MS = 2_500

/** Lets the calls of a client fail before or after etcd has carried them out, and lets it carry them out late. */
export function makeFaulty(client: Etcd3, random: () => number): ClientFaults {
  const open = new Set<Stream>()
  const faults: ClientFaults = {
    ...{ isOn: false, calls: 0, pending: 0, leases: new Set(), putRevision: 0n, trace: [] },
    cut() {
      for (const stream of open) {
        stream.emit('error', new GRPCUnavailableError('cut'))
        stream.cancel()
      }
      open.clear()
    },
  }
  const note = (what: string) => {
    faults.trace.push(`${Math.round(performance.now())} ${what}`)
  }

  type Call = (request: never, options?: object) => Promise<unknown>
  const harm = (name: string, call: Call): Call => {
    return async (request, options) => {
      faults.calls++
      if (name === 'leaseGrant') faults.leases.add((request as { ID: string }).ID)
      const send = async (how: string, sentWith?: object) => {
        faults.pending++
        try {
          const answer = await call(request, sentWith)
          const { revision } = (answer as { header: { revision: string } }).header
          if (name === 'put') faults.putRevision = BigInt(revision)
          note(`${name} ${how}: done at ${revision} ${(answer as { succeeded?: boolean }).succeeded ?? ''}`)
          return answer
        } catch (error) {
          note(`${name} ${how}: ${(error as Error).message}`)
          throw error
        } finally {
          faults.pending--
        }
      }
      const fate = faults.isOn ? random() : 1
      const waitMs = random() * MAX_LATE_MS
      const refused = new GRPCUnavailableError('no answer')
      if (fate < 0.1) {
        note(`${name} never sent`)
        throw refused
      }
      if (fate < 0.2) {
        await send('without an answer', options).catch(() => {})
        throw refused
      }
      if (fate < 0.35) {
        faults.pending++
        // By now its deadline is over, and it would not be sent.
        void delay(waitMs).then(() => {
          faults.pending--
          send('late', { deadline: Date.now() + 5_000 }).catch(() => {})
        })
        note(`${name} given up`)
        await delay(random() * 100)
        throw refused
      }
      if (fate < 0.45) await delay(waitMs / 3)
      return send('sent', fate < 0.45 ? { deadline: Date.now() + 5_000 } : options)
    }
  }
  type Open = () => Promise<Stream>
  const harmStream = (name: string, openStream: Open): Open => {
    return async () => {
      if (faults.isOn && random() < 0.2) throw new GRPCUnavailableError('no stream')
      const stream = await openStream()
      open.add(stream)
      const write = stream.write.bind(stream)
      // A beat that is lost on its way. A watch that is lost so would be found only by the next check.
      if (name === 'leaseKeepAlive') stream.write = beat => (faults.isOn && random() < 0.2) || write(beat)
      return stream
    }
  }
  const { kv, leaseClient, watchClient } = client
  const replace = (of: object, name: string, wrap: (name: string, method: never) => unknown) => {
    const method = Reflect.get(of, name).bind(of)
    Reflect.set(of, name, wrap(name, method as never))
  }
  for (const name of ['put', 'txn', 'range']) replace(kv, name, harm)
  for (const name of ['leaseGrant', 'leaseRevoke', 'leaseTimeToLive']) replace(leaseClient, name, harm)
  replace(leaseClient, 'leaseKeepAlive', harmStream)
  replace(watchClient, 'watch', harmStream)
  return faults
}
