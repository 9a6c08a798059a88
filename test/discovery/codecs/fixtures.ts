import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Codec } from '../../../discovery/codecs/codec.ts'
import { codecNamed } from '../../../discovery/codecs/codecs.ts'
import type { Node } from '../../../internal/nodes/node.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/registry-values')

interface FixtureFile {
  readonly what: string
  /** The prefix of the source, and its service if it has one. */
  readonly prefix: string
  readonly service?: string
  readonly key: string
  readonly value: string
  readonly nodes: readonly Node[]
  /** The format that `auto` detects, if it is another one. */
  readonly autoReads?: string
}

/** A key and a value from a writer of the format, and the nodes that they stand for. */
export interface Fixture {
  readonly codec: Codec
  readonly name: string
  /** The part of the key that a codec gets. */
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
