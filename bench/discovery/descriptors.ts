import { setTimeout as delay } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt'
import type { Etcd3 } from 'etcd3'
import { writeDescriptorSet } from '../../wrappers/descriptors/repair.ts'
import type { RunningGateway } from './starter.ts'

const SERVICES = 100
const METHODS = 20
const FIELDS = 12
const CHANGES = 100
/** The time in which what has changed is written to disk and collected. */
const SETTLE_MS = 2_000
/** The time in which one change is applied. */
const CHANGED_MS = 50

export interface DescriptorsScene {
  readonly client: Etcd3
  startGateway(): Promise<RunningGateway>
  report(what: string, figure: string): void
}

/**
 * Measures what the descriptors of gRPC services take: memory, once they are known and once each service was called by
 * JSON, and how long the event loop stands still for a change.
 */
export async function measureDescriptors({ client, startGateway, report }: DescriptorsScene): Promise<void> {
  const put = (service: number, version = 0) =>
    client.put(`/waygate/descriptors/g${service}`).value(descriptorsOf(service, version).toString('base64'))
  for (let i = 0; i < SERVICES; i++) {
    await client
      .put(`/services/g${i}/n`)
      .value(JSON.stringify({ ip: '127.0.0.1', port: 9, protocol: 'grpc' }))
  }
  const gateway = await startGateway()
  await untilKnown(gateway, 0)
  await delay(SETTLE_MS)
  const before = await gateway.ask('collect')
  for (let i = 0; i < SERVICES; i++) await put(i)
  await untilKnown(gateway, SERVICES)
  await delay(SETTLE_MS)
  const known = await gateway.ask('collect')
  // No node answers. The call is refused only after its JSON has become a message.
  for (let i = 0; i < SERVICES; i++) {
    await fetch(`${gateway.url}/g${i}/Method0`, { method: 'POST', body: '{}', headers: JSON_BODY })
  }
  await delay(SETTLE_MS)
  const called = await gateway.ask('collect')
  const more = ({ heapUsedBytes }: typeof before) => mib(heapUsedBytes - before.heapUsedBytes)
  report(
    `descriptors of ${SERVICES} gRPC services, ${METHODS} methods and ${kib(descriptorsOf(0, 0).length)} KiB each`,
    `heap ${more(known)} MiB more, ${more(called)} MiB once each was called by JSON`,
  )
  const calm = await stallsOf(gateway, async () => {})
  const changing = await stallsOf(gateway, async i => void (await put(i % SERVICES, 1 + i)))
  report(
    `stalls of the event loop by ${CHANGES} changes of descriptors, and in as many times without one`,
    `${summary(changing)}, and ${summary(calm)}`,
  )
  await gateway.stop()
}

/** Returns the longest stall after each of many changes, sorted. */
async function stallsOf(
  gateway: RunningGateway,
  change: (index: number) => Promise<void>,
): Promise<number[]> {
  const stalls: number[] = []
  for (let i = 0; i < CHANGES; i++) {
    await gateway.ask('look')
    await change(i)
    await delay(CHANGED_MS)
    stalls.push((await gateway.ask('look')).stallMs)
  }
  return stalls.sort((a, b) => a - b)
}

function summary(sorted: readonly number[]): string {
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(1)
  return `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, max ${at(1)} ms`
}

const JSON_BODY = { 'content-type': 'application/json' }
const mib = (bytes: number) => (bytes / 1_048_576).toFixed(1)
const kib = (bytes: number) => (bytes / 1_024).toFixed(0)

async function untilKnown({ admin }: RunningGateway, count: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${admin}/metrics`)).text()
    const nodes = Number(/^waygate_table_nodes (\d+)/m.exec(text)?.[1])
    const known = text.match(/^waygate_descriptors\{.*source="etcd"/gm)?.length ?? 0
    if (nodes === SERVICES && known === count) return
    await delay(10)
  }
}

/** Descriptors with a request and an answer of many kinds of fields for each method. */
function descriptorsOf(service: number, version: number): Buffer {
  const kinds = [Type.STRING, Type.INT64, Type.BOOL, Type.DOUBLE, Type.BYTES, Type.UINT32]
  const field = Array.from({ length: FIELDS }, (_, i) => ({
    name: `field_number_${i}`,
    number: i + 1,
    type: kinds[i % kinds.length]!,
    label: i % 4 === 3 ? 3 : 1,
  }))
  const names = Array.from({ length: METHODS }, (_, i) => `Method${i}`)
  const name = `bench.g${service}.v1`
  const file = create(FileDescriptorProtoSchema, {
    name: `bench/g${service}.proto`,
    package: name,
    syntax: 'proto3',
    messageType: names.flatMap(each => [
      { name: `${each}Request`, field },
      {
        name: `${each}Response`,
        field: [...field, { name: `version_${version}`, number: 99, type: Type.STRING }],
      },
    ]),
    service: [
      {
        name: 'Service',
        method: names.map(each => ({
          name: each,
          inputType: `.${name}.${each}Request`,
          outputType: `.${name}.${each}Response`,
        })),
      },
    ],
  })
  return writeDescriptorSet([file])
}
