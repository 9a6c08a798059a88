import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { JsonDecoder } from '../../../wrappers/protobuf/json-decoder.ts'
import { WireFault } from '../../../wrappers/protobuf/wire-reader.ts'
import { jsonOf } from '../../../wrappers/transcode/answer-json.ts'

test('a message whose JSON is longer than a string can be is a fault of the answer, and does not end the process', () => {
  class LongTexts extends JsonDecoder {
    override decode(): unknown {
      return 'x'.repeat(2 ** 30)
    }
  }
  const format = {
    output: TimestampSchema,
    decoder: new LongTexts({ typeNamed: () => undefined }),
    bodyField: undefined,
    errors: 'problem',
  } as const
  assert.throws(() => jsonOf(format, Buffer.alloc(0)), new WireFault('the message is too large as JSON'))
})
