import assert from 'node:assert/strict'
import { test } from 'node:test'
import { autoCodec } from '../../discovery/codecs/auto.ts'
import { codecNamed, codecs } from '../../discovery/codecs/codecs.ts'
import { goMicroCodec } from '../../discovery/codecs/go-micro.ts'
import { goZeroCodec } from '../../discovery/codecs/go-zero.ts'
import { grpcEndpointCodec } from '../../discovery/codecs/grpc-endpoint.ts'
import { hertzCodec } from '../../discovery/codecs/hertz.ts'
import { kitexCodec } from '../../discovery/codecs/kitex.ts'
import { kratosCodec } from '../../discovery/codecs/kratos.ts'
import { nameAddressCodec } from '../../discovery/codecs/name-address.ts'
import { plainAddressCodec } from '../../discovery/codecs/plain-address.ts'
import { rpcxCodec } from '../../discovery/codecs/rpcx.ts'
import { serviceObjectCodec } from '../../discovery/codecs/service-object.ts'
import { waygateCodec } from '../../discovery/codecs/waygate.ts'
import { type CodecCases, codecContract, refuses } from './codec-contract.ts'

type Write = CodecCases['write']
const addressOf = ({ host = '', port = '' }: Parameters<Write>[0]) => `${host}:${port}`
const writeWaygate: Write = ({ host, ...rest }) => JSON.stringify({ ...rest, ip: host })
const writeInstance: Write = ({ weight, protocol, ...rest }) => {
  const tags = protocol === undefined ? null : { protocol }
  return JSON.stringify({ network: 'tcp', address: addressOf(rest), weight, tags })
}

const cases: readonly CodecCases[] = [
  { codec: autoCodec, weights: 'number', apart: true, write: writeWaygate },
  { codec: waygateCodec, weights: 'number', apart: true, write: writeWaygate },
  { codec: plainAddressCodec, weights: 'none', apart: false, write: addressOf, saysProtocol: false },
  {
    codec: serviceObjectCodec,
    weights: 'number',
    apart: true,
    write: ({ host, ...rest }) => JSON.stringify({ name: 'user', nodes: [{ ...rest, ip: host }] }),
  },
  {
    codec: nameAddressCodec,
    weights: 'number',
    apart: false,
    write: ({ weight, protocol, ...rest }) => JSON.stringify({ addr: addressOf(rest), weight, protocol }),
  },
  {
    codec: grpcEndpointCodec,
    weights: 'word',
    apart: false,
    write: ({ weight, protocol, ...rest }) =>
      JSON.stringify({ Op: 0, Addr: addressOf(rest), Metadata: { weight, protocol } }),
    good: { protocol: 'grpc' },
  },
  {
    codec: kratosCodec,
    weights: 'word',
    apart: false,
    write: ({ weight, ...rest }) =>
      JSON.stringify({ metadata: { weight }, endpoints: [`http://${addressOf(rest)}`] }),
    good: { weight: 100 },
    // The scheme of an endpoint does.
    saysProtocol: false,
  },
  {
    codec: goMicroCodec,
    weights: 'word',
    apart: false,
    write: ({ id, weight, protocol, ...rest }) =>
      JSON.stringify({ nodes: [{ metadata: { weight, protocol }, id, address: addressOf(rest) }] }),
  },
  {
    codec: goZeroCodec,
    weights: 'none',
    apart: false,
    write: addressOf,
    saysProtocol: false,
    good: { protocol: 'grpc' },
  },
  {
    codec: rpcxCodec,
    weights: 'word',
    apart: false,
    write: ({ weight, protocol, ...rest }) => ({
      path: `user/tcp@${addressOf(rest)}`,
      value: Object.entries({ weight, protocol })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
        .join('&'),
    }),
    good: { id: 'tcp@10.0.0.7:3001', protocol: 'rpcx' },
    silent: ['user'],
  },
  {
    codec: kitexCodec,
    weights: 'number',
    apart: false,
    write: writeInstance,
    good: { weight: 10, protocol: 'thrift' },
    zero: 10,
  },
  {
    codec: hertzCodec,
    weights: 'number',
    apart: false,
    write: writeInstance,
    good: { weight: 10 },
    zero: 10,
  },
]
for (const each of cases) codecContract(each)

test('every codec of the list runs the contract', () => {
  assert.deepEqual(
    cases.map(each => each.codec),
    codecs,
  )
})

test('a codec is found by its name, and a wrong name is an error that lists the names', () => {
  for (const codec of codecs) assert.equal(codecNamed(codec.name), codec)
  refuses(() => codecNamed('toString'), /auto, waygate/)
})
