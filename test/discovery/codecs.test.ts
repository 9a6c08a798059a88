import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auto } from '../../discovery/codecs/auto.ts'
import { codecNamed, codecs } from '../../discovery/codecs/codecs.ts'
import { goMicro } from '../../discovery/codecs/go-micro.ts'
import { goZero } from '../../discovery/codecs/go-zero.ts'
import { grpcEndpoint } from '../../discovery/codecs/grpc-endpoint.ts'
import { hertz } from '../../discovery/codecs/hertz.ts'
import { kitex } from '../../discovery/codecs/kitex.ts'
import { kratos } from '../../discovery/codecs/kratos.ts'
import { nameAddress } from '../../discovery/codecs/name-address.ts'
import { plainAddress } from '../../discovery/codecs/plain-address.ts'
import { rpcx } from '../../discovery/codecs/rpcx.ts'
import { serviceObject } from '../../discovery/codecs/service-object.ts'
import { waygate } from '../../discovery/codecs/waygate.ts'
import { type CodecCases, codecContract, refuses } from './codec-contract.ts'

type Write = CodecCases['write']
const addressOf = ({ host = '', port = '' }: Parameters<Write>[0]) => `${host}:${port}`
const writeWaygate: Write = ({ host, ...rest }) => JSON.stringify({ ...rest, ip: host })
const writeInstance: Write = ({ weight, ...rest }) =>
  JSON.stringify({ network: 'tcp', address: addressOf(rest), weight, tags: null })

const cases: readonly CodecCases[] = [
  { codec: auto, weights: 'number', apart: true, write: writeWaygate },
  { codec: waygate, weights: 'number', apart: true, write: writeWaygate },
  { codec: plainAddress, weights: 'none', apart: false, write: addressOf },
  {
    codec: serviceObject,
    weights: 'number',
    apart: true,
    write: ({ host, ...rest }) => JSON.stringify({ name: 'user', nodes: [{ ...rest, ip: host }] }),
  },
  {
    codec: nameAddress,
    weights: 'number',
    apart: false,
    write: ({ weight, ...rest }) => JSON.stringify({ addr: addressOf(rest), weight }),
  },
  {
    codec: grpcEndpoint,
    weights: 'word',
    apart: false,
    write: ({ weight, ...rest }) => JSON.stringify({ Op: 0, Addr: addressOf(rest), Metadata: { weight } }),
    good: { protocol: 'grpc' },
  },
  {
    codec: kratos,
    weights: 'word',
    apart: false,
    write: ({ weight, ...rest }) =>
      JSON.stringify({ metadata: { weight }, endpoints: [`http://${addressOf(rest)}`] }),
    good: { weight: 100 },
  },
  {
    codec: goMicro,
    weights: 'word',
    apart: false,
    write: ({ id, weight, ...rest }) =>
      JSON.stringify({ nodes: [{ metadata: { weight }, id, address: addressOf(rest) }] }),
  },
  { codec: goZero, weights: 'none', apart: false, write: addressOf, good: { protocol: 'grpc' } },
  {
    codec: rpcx,
    weights: 'word',
    apart: false,
    write: ({ weight, ...rest }) => ({
      path: `user/tcp@${addressOf(rest)}`,
      value: weight === undefined ? '' : `weight=${encodeURIComponent(String(weight))}`,
    }),
    good: { id: 'tcp@10.0.0.7:3001', protocol: 'rpcx' },
    silent: ['user'],
  },
  {
    codec: kitex,
    weights: 'number',
    apart: false,
    write: writeInstance,
    good: { weight: 10, protocol: 'thrift' },
    zero: 10,
  },
  { codec: hertz, weights: 'number', apart: false, write: writeInstance, good: { weight: 10 }, zero: 10 },
]
for (const each of cases) codecContract(each)

test('every codec of the list runs the contract', () => {
  assert.deepEqual(
    cases.map(each => each.codec),
    codecs,
  )
})

test('a codec is found by its name, and a wrong name is told what there is', () => {
  for (const codec of codecs) assert.equal(codecNamed(codec.name), codec)
  refuses(() => codecNamed('toString'), /auto, waygate/)
})
