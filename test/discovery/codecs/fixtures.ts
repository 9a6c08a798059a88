import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Codec } from '../../../discovery/codecs/codec.ts'
import { codecNamed } from '../../../discovery/codecs/codecs.ts'
import type { Node } from '../../../internal/nodes/node.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/registry-values')

interface FixtureFile {
  readonly what: string
  /** The source's prefix, and its service where it has one. */
  readonly prefix: string
  readonly service?: string
  readonly key: string
  readonly value: string
  readonly nodes: readonly Node[]
  /** The format that `auto` takes it for, when that is another. */
  readonly autoReads?: string
}

/** A key and a value as one format's writers write them, and the nodes that they mean. */
export interface Fixture {
  readonly codec: Codec
  readonly name: string
  /** What a codec is given of the key. */
  readonly path: string
  readonly value: string
  readonly nodes: readonly Node[]
  readonly autoCodec: Codec
}

export const fixtures: readonly Fixture[] = readdirSync(FOLDER)
  .filter(file => file.endsWith('.json'))
  .flatMap(file => {
    const codec = codecNamed(basename(file, '.json'))
    const cases: readonly FixtureFile[] = JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))
    return cases.map(({ what, prefix, service, key, value, nodes, autoReads }) => {
      if (!key.startsWith(prefix)) throw new Error(`${file}: "${what}" has a key outside its prefix`)
      const path = key.slice(prefix.length)
      return {
        codec,
        name: `${codec.name}: ${what}`,
        path: service === undefined ? path : `${service}/${path}`,
        value,
        nodes,
        autoCodec: autoReads === undefined ? codec : codecNamed(autoReads),
      }
    })
  })
