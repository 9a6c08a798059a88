import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { shareOpenFiles } from '../../../cmd/gateway/open-files.ts'

test('clients get half of the file descriptors above the reserve, or as few as are configured', () => {
  for (const [limit, configured, clients, nodes] of [
    [64, 20_000, 16, 16],
    [256, 20_000, 96, 96],
    [1_024, 20_000, 461, 460],
    [1_024, 100, 100, 821],
    [1_024, 0, 461, 460],
    [1_048_576, 20_000, 20_000, 923_718],
    [Number.POSITIVE_INFINITY, 20_000, 20_000, Number.POSITIVE_INFINITY],
    [Number.POSITIVE_INFINITY, 0, 0, Number.POSITIVE_INFINITY],
  ] as const) {
    assert.deepEqual(shareOpenFiles(limit, configured), { limit, clients, nodes })
  }
})

test('the limit that is read is the hard one, to which Node raises the soft one', {
  skip: process.platform !== 'linux',
}, () => {
  const file = new URL('../../../cmd/gateway/open-files.ts', import.meta.url)
  const script = `import { readOpenFilesLimit } from ${JSON.stringify(file)}; console.log(readOpenFilesLimit())`
  const args = ['-c', 'ulimit -Sn 100; ulimit -Hn 300; exec "$@"', 'sh', process.execPath]
  const text = execFileSync('sh', [...args, '--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(text, '300\n')
})
