import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeDescriptors } from '../../../discovery/etcd/decode-entries.ts'

const bytesOf = (value: string) => {
  const entry = decodeDescriptors('/d/', { key: '/d/task', value, modRevision: 1n })
  return entry.kind === 'descriptors' ? entry.bytes : entry
}

test('a set of descriptors is taken as base64, in lines or not, or as it is', () => {
  const set = Buffer.from('\n\ntask.proto')
  const base64 = set.toString('base64')
  for (const value of [base64, `${base64.slice(0, 8)}\n${base64.slice(8)}\n`, ` ${base64} `])
    assert.deepEqual(bytesOf(value), set, value)
  assert.deepEqual(bytesOf('Cg==\n'), Buffer.from('\n'))
  assert.deepEqual(bytesOf(set.toString('utf8')), set)
})

test('a value of blanks is read in linear time', () => {
  const value = `${' '.repeat(500_000)}!`
  const before = process.cpuUsage()
  bytesOf(value)
  const { user } = process.cpuUsage(before)
  assert.ok(user < 1_000_000, `${user} µs`)
})
