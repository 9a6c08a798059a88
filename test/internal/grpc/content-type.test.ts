import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grpcDialectOf, toGrpcType, toWebType } from '../../../internal/grpc/content-type.ts'

test('content types of gRPC are recognised, and no others', () => {
  const cases = [
    ['application/grpc', 'grpc'],
    ['application/grpc+proto', 'grpc'],
    ['Application/gRPC', 'grpc'],
    ['application/grpc;charset=utf-8', 'grpc'],
    ['application/grpc-web', 'web'],
    ['application/grpc-web+json', 'web'],
    ['application/grpc-web-text', 'web-text'],
    ['application/grpc-web-text+proto', 'web-text'],
    ['application/grpcfoo', undefined],
    ['application/grpc ', undefined],
    ['application/grpc-webx', undefined],
    ['application/grpc, application/json', undefined],
    ['application/grpc+proto, text/html', undefined],
    ['text/html;application/grpc', undefined],
    ['application/json', undefined],
    ['', undefined],
  ] as const
  for (const [type, dialect] of cases) assert.equal(grpcDialectOf(type), dialect, type)
})

test('content types of gRPC-web and gRPC are translated both ways', () => {
  assert.equal(toGrpcType('application/grpc-web-text+proto'), 'application/grpc+proto')
  assert.equal(toGrpcType('application/grpc-web'), 'application/grpc')
  assert.equal(toWebType('application/grpc+proto', 'web-text'), 'application/grpc-web-text+proto')
  assert.equal(toWebType('application/grpc', 'web'), 'application/grpc-web')
})
