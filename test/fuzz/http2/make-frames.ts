import { ERROR, FLAG, FRAME } from '../../../internal/http2/frames.ts'
import {
  continuationFrame,
  dataFrame,
  goawayFrame,
  headersFrame,
  literalBlock,
  pingFrame,
  priorityFrame,
  rawFrame,
  requestLines,
  rstStreamFrame,
  settingsFrame,
  windowUpdateFrame,
} from '../../support/raw-http2.ts'
import type { Choice } from '../choice.ts'

const SETTINGS: readonly (readonly [id: number, values: readonly number[]])[] = [
  [1, [0, 100, 4096, 65_536]],
  [2, [0, 1, 2]],
  [3, [0, 1, 100, 2 ** 32 - 1]],
  [4, [0, 100, 65_535, 2 ** 31 - 1, 2 ** 31]],
  [5, [16_384, 20_000, 2 ** 24 - 1, 2 ** 24, 16_383, 0]],
  [6, [0, 1000, 2 ** 32 - 1]],
  [0x99, [0, 7]],
]
/** Fields that make heads malformed, and one that does not. */
const MORE = [
  ['connection', 'close'],
  ['te', 'gzip'],
  ['Upper', 'x'],
  [':path', '/'],
  [':status', '200'],
  ['x', 'y'],
]
const TRAILERS = [
  ['x-sum', '1'],
  [],
  [':path', '/'],
  [':status', '200'],
  ['connection', 'close'],
  ['content-length', '0'],
  ['content-length', ''],
  ['host', 'a'],
  ['x', 'y', 'z', ''],
]

/** Makes what one side sends: mostly what is valid, and frames that break the protocol in one way or another. */
abstract class Frames {
  protected readonly choice: Choice
  /** The streams that frames may be for. */
  protected readonly ids: number[] = []
  protected nextId = 1

  constructor(choice: Choice) {
    this.choice = choice
  }

  /** Returns the next step: one frame, or several that belong together. All are whole. */
  next(): Buffer {
    const { choice } = this
    if (this.ids.length === 0 && choice.chance(0.8)) return this.head()
    if (choice.chance(0.12)) return this.#hostile()
    const kind = choice.below(17)
    if (kind < 6) return this.head()
    if (kind < 11) return this.#data()
    if (kind === 11) return headersFrame(this.id(), choice.of(TRAILERS), { isEnd: choice.chance(0.9) })
    if (kind === 12) return rstStreamFrame(this.id(), choice.of([ERROR.cancel, ERROR.noError, 99]))
    if (kind === 13) return priorityFrame(this.id(), choice.of([0, 1, 3, 2 ** 31 + 5]))
    if (kind === 14) return this.#settings()
    if (kind === 15) return pingFrame()
    const increment = choice.of([1, 1000, 0, 2 ** 31 - 1, 2 ** 31 + 1])
    return windowUpdateFrame(choice.chance(0.3) ? 0 : this.id(), increment)
  }

  /** Returns the head of a message. */
  protected abstract head(): Buffer

  /** Returns a stream, most often one that is known. */
  protected id(): number {
    const { choice } = this
    if (this.ids.length > 0 && choice.chance(0.93)) return choice.of(this.ids)
    return choice.of([0, 1, 2, 4, this.nextId, this.nextId + 2, 2 ** 31 - 1])
  }

  protected headOf(id: number, lines: readonly string[]): Buffer {
    const { choice } = this
    const more: string[] = []
    if (choice.chance(0.3)) more.push('content-length', choice.of(['0', '5', '10', '100', 'x']))
    if (choice.chance(0.1)) more.push(...choice.of(MORE))
    const block = literalBlock([...lines, ...more])
    const options = {
      isEnd: choice.chance(0.3),
      ...(choice.chance(0.1) ? { padding: choice.of([0, 1, 100, 255]) } : {}),
      ...(choice.chance(0.1) ? { dependsOn: choice.of([0, 1, id, 2 ** 31 + 3]) } : {}),
    }
    if (choice.chance(0.8)) return headersFrame(id, block, options)
    const cut = choice.below(block.length)
    const rest = [block.subarray(cut, cut + 20), block.subarray(cut + 20)].filter(({ length }) => length > 0)
    return Buffer.concat([
      headersFrame(id, block.subarray(0, cut), { ...options, isWhole: false }),
      ...rest.map((piece, i) => continuationFrame(id, piece, i === rest.length - 1)),
    ])
  }

  #data(): Buffer {
    const { choice } = this
    const length = choice.of([0, 1, 5, 5, 10, 100, choice.below(3000)])
    return dataFrame(this.id(), 'x'.repeat(length), {
      isEnd: choice.chance(0.3),
      ...(choice.chance(0.15) ? { padding: choice.of([0, 1, 50, 255]) } : {}),
    })
  }

  #settings(): Buffer {
    const { choice } = this
    if (choice.chance(0.1)) return rawFrame(FRAME.settings, FLAG.ack, 0)
    const pairs = choice.some(0, 4, () => {
      const [id, values] = choice.of(SETTINGS)
      return [id, choice.of(values)]
    })
    return settingsFrame(pairs.flat())
  }

  #hostile(): Buffer {
    const { choice } = this
    const id = this.id()
    const bytes = (length: number) => Buffer.from(choice.bytes(length), 'latin1')
    const connectionOr = choice.chance(0.5) ? 0 : id
    switch (choice.below(10)) {
      case 0:
        return rawFrame(choice.below(10), choice.below(256), id, bytes(choice.below(30)))
      case 1:
        return rawFrame(choice.of([0x0b, 0x42, 0xff]), choice.below(256), id, bytes(choice.below(30)))
      case 2:
        return continuationFrame(id, literalBlock(['x', 'y']), choice.chance(0.5))
      case 3:
        // A block that is not finished.
        return headersFrame(this.nextId, literalBlock(requestLines()), { isWhole: false })
      case 4:
        return this.headOf(choice.of([0, 2, 1, this.nextId + 1, ...this.ids]), requestLines())
      case 5:
        return rawFrame(FRAME.data, 0, id, Buffer.alloc(16_385))
      case 6:
        return goawayFrame(choice.of([0, 1, 3, 2 ** 31 - 1]), choice.of([0, 1]))
      case 7: {
        // More padding than there are bytes.
        const type = choice.of([FRAME.data, FRAME.headers])
        const padding = choice.of([1, 9, 255])
        return rawFrame(type, FLAG.padded | FLAG.endHeaders, id, Buffer.from([padding, 0, 0]))
      }
      case 8: {
        const promise = Buffer.concat([Buffer.from([0, 0, 0, 2]), literalBlock(requestLines())])
        return rawFrame(FRAME.pushPromise, FLAG.endHeaders, id, promise)
      }
      default:
        // A length that is not the type's.
        return rawFrame(choice.of([2, 3, 4, 6, 7, 8]), 0, connectionOr, bytes(choice.of([0, 3, 4, 5, 7, 9])))
    }
  }
}

/** What a client sends. */
export class ClientFrames extends Frames {
  protected head(): Buffer {
    const { choice } = this
    if (choice.chance(0.1)) this.nextId += 2 * choice.below(3)
    const id = this.nextId
    this.nextId += 2
    this.ids.push(id)
    return this.headOf(id, requestLines([], choice.of(['GET', 'POST'])))
  }
}

const STATUSES = ['200', '200', '200', '404', '304', '100', '103', '101', '99', '1000', '']

/** What a server sends to a client that has sent some requests. */
export class ServerFrames extends Frames {
  /** Requests without an answer. */
  readonly #requests: number[]

  /** @param requests the ids of their streams */
  constructor(choice: Choice, requests: readonly number[]) {
    super(choice)
    this.#requests = [...requests]
    this.nextId = requests.at(-1)! + 2
  }

  protected head(): Buffer {
    const { choice } = this
    const id = choice.chance(0.7) ? this.#requests.shift() : undefined
    if (id !== undefined) this.ids.push(id)
    return this.headOf(id ?? this.id(), [':status', choice.of(STATUSES)])
  }
}
