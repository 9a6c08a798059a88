import { spawnSync } from 'node:child_process'

/** One step of a connection: a block that Python decodes, in hexadecimal, or lines that it encodes. */
export type PythonStep =
  | { decode: string }
  | { encode: readonly string[]; huffman: boolean; tableBytes?: number }

/** What Python made of a step: lines, or the encoded block in hexadecimal, or why it refused the block. */
export interface PythonResult {
  readonly lines?: string[]
  readonly block?: string
  readonly refused?: string
}

// A decoder that has refused a block is not used again, as a connection would not be.
const PROGRAM = `
import json, sys
from hpack import Decoder, Encoder
results = []
for connection in json.load(sys.stdin):
    decoder, encoder, steps = Decoder(max_header_list_size=1 << 24), Encoder(), []
    decoder.max_allowed_table_size = 4096
    for step in connection:
        if 'decode' in step:
            try:
                fields = decoder.decode(bytes.fromhex(step['decode']), raw=True)
                steps.append({'lines': [text.decode('latin1') for field in fields for text in field]})
            except Exception as error:
                steps.append({'refused': repr(error)})
                break
        else:
            if 'tableBytes' in step:
                encoder.header_table_size = step['tableBytes']
            lines = [text.encode('latin1') for text in step['encode']]
            fields = list(zip(lines[::2], lines[1::2]))
            steps.append({'block': encoder.encode(fields, huffman=step['huffman']).hex()})
    results.append(steps)
json.dump(results, sys.stdout)
`

/** The Python that has the module \`hpack\`, such as Debian's python3-hpack; undefined = none. */
const python = ['/usr/bin/python3', 'python3'].find(
  command => spawnSync(command, ['-c', 'import hpack']).status === 0,
)

export const hasPythonHpack = python !== undefined

/** Runs connections, each with a decoder and an encoder of its own. A connection ends with the block that is refused. */
export function runPythonHpack(connections: readonly (readonly PythonStep[])[]): PythonResult[][] {
  const { stdout, stderr, status } = spawnSync(python!, ['-c', PROGRAM], {
    input: JSON.stringify(connections),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  })
  if (status !== 0) throw new Error(`python: ${stderr}`)
  return JSON.parse(stdout) as PythonResult[][]
}
