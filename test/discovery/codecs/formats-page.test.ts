import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../../config/load/load.ts'
import { codecNamed, codecs } from '../../../discovery/codecs/codecs.ts'
import { addressOf } from '../../../internal/nodes/node.ts'
import { tempFolder } from '../../config/temp-folder.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/formats.md'), 'utf8')
const sections = new Map(
  page
    .split(/^## /m)
    .map(section => [/^`([a-z-]+)`\n/.exec(section)?.[1], section] as const)
    .filter(([name]) => name !== undefined),
)

test('the page has a section for every format, in the order of the list', () => {
  assert.deepEqual(
    [...sections.keys()],
    codecs.map(codec => codec.name),
  )
})

for (const codec of codecs.filter(each => each.name !== 'auto')) {
  test(`${codec.name}: the example on the page is read as the page says`, () => {
    const examples = [...sections.get(codec.name)!.matchAll(/^```text\n(.*?)^```$/gms)]
    assert.equal(examples.length, 1)
    const lines = examples[0]![1]!.trimEnd().split('\n')
    const all = (word: string) =>
      lines.flatMap(line => (line.startsWith(`${word} `) ? [line.slice(word.length).trim()] : []))
    const [prefix, key, value] = [all('prefix')[0]!, all('key')[0]!, all('value')[0]!]
    assert.ok(key.startsWith(prefix))
    const path = [...all('service'), key.slice(prefix.length)].join('/')
    assert.deepEqual(
      codec.decode(path, value).map(node => {
        const words = [node.service, node.id, addressOf(node), 'weight', node.weight, node.protocol ?? '']
        return words.join(' ').trim()
      }),
      all('node'),
    )
  })
}

test('the configuration on the page loads, and its formats exist', t => {
  const [, yaml] = /^```yaml\n(.*?)^```$/ms.exec(page)!
  const { config } = loadConfig({ env: {}, cwd: tempFolder(t, { 'waygate.yaml': yaml! }) })
  assert.equal(config.discovery.sources.length, 3)
  for (const { format } of config.discovery.sources) assert.equal(codecNamed(format).name, format)
})
