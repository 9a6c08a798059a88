import { isIncompressible } from '../../internal/http/media-types.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { MEDIA_TYPE } from './media-type.ts'
import { policyRule, textsOf } from './policy-rule.ts'

const CHANGING_METHODS = ['PUT', 'PATCH']

/** `compress`: compresses answers for clients that accept it. */
export const compress = policyRule({
  schema: Type.Union(
    [
      Type.Literal(true),
      closed(
        {
          encodings: Type.Optional(
            Type.Array(Type.Enum(['zstd', 'br', 'gzip']), {
              minItems: 1,
              uniqueItems: true,
              description:
                'Content codings, the preferred one first: it wins among those that a client likes equally. Absent: `zstd`, `br`, `gzip`.',
            }),
          ),
          levels: Type.Optional(
            closed(
              {
                zstd: Type.Optional(Type.Integer({ minimum: 1, maximum: 9, description: 'Absent: 3.' })),
                br: Type.Optional(Type.Integer({ minimum: 1, maximum: 6, description: 'Absent: 4.' })),
                gzip: Type.Optional(Type.Integer({ minimum: 1, maximum: 9, description: 'Absent: 6.' })),
              },
              {
                description:
                  'How much time and memory is spent on each coding. Higher levels than the default take several times as much for a few percent.',
              },
            ),
          ),
          minBytes: Type.Optional(
            Type.Integer({
              minimum: 0,
              description: 'Shorter bodies are sent as they are. Absent: 1024.',
            }),
          ),
          types: Type.Optional(
            Type.Array(MEDIA_TYPE, {
              minItems: 1,
              maxItems: 64,
              description:
                'Media types that are compressed: `application/json`, `text/*`, `application/*+json`, or `+json` for all that end so. Absent: text, JSON, XML, JavaScript, WebAssembly and SVG.',
            }),
          ),
          events: Type.Optional(
            Type.Boolean({
              description:
                'Whether `text/event-stream` is compressed too, with a flush after every piece. Absent: false.',
            }),
          ),
          public: Type.Optional(
            Type.Boolean({
              description:
                'Whether the answers hold no secrets. They are then compressed even if a page of another site has caused the request. Absent: false.',
            }),
          ),
          etags: Type.Optional(
            Type.Enum(['weaken', 'skip'], {
              description:
                '`weaken`, the default: a strong ETag is made weak. `skip`: answers with a strong ETag are sent as they are, for clients that use If-Match.',
            }),
          ),
          maxStreams: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 10_000,
              description:
                'With so many compressed streams open in the process, further answers are sent as they are. Absent: 256. Bodies up to 16 KiB need no stream.',
            }),
          ),
        },
        {
          title: 'compression',
          description:
            'Compresses answers for clients that accept it: `true`, or `{"encodings": [], "levels": {}, "minBytes": 1024, ...}`.',
        },
      ),
    ],
    {
      description:
        'Compresses answers for clients that accept it: `true`, or `{"encodings": [], "levels": {}, "minBytes": 1024, ...}`.',
    },
  ),
  *problems(rule) {
    for (const [index, type] of textsOf(membersOf(rule).types)) {
      const path = ['types', index]
      const lower = type.toLowerCase()
      if (lower === 'text/event-stream') yield { path, message: 'is compressed with "events": true' }
      else if (isIncompressible(lower)) yield { path, message: 'is never compressed: its content already is' }
    }
  },
  *warnings(rule, { document }) {
    if (membersOf(rule).etags !== undefined) return
    const { methods, service } = document ?? {}
    if (document?.path !== undefined && service === undefined) return
    const taken = Array.isArray(methods)
      ? CHANGING_METHODS.filter(each => methods.includes(each))
      : CHANGING_METHODS
    if (taken.length === 0) return
    yield {
      path: [],
      message: `makes ETags weak, so ${taken.join(' and ')} with If-Match will fail: write "etags": "skip", or "etags": "weaken" if no client uses If-Match`,
    }
  },
})
