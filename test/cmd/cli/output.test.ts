import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatFacts, formatTable, jsonText, visible } from '../../../cmd/cli/output.ts'

const rows = [
  { id: 'a', size: 1, note: 'x'.repeat(60) },
  { id: 'long-one', size: 22, note: undefined },
]
const columns = [
  { title: 'ID', cell: ({ id }: (typeof rows)[number]) => id },
  { title: 'SIZE', cell: ({ size }: (typeof rows)[number]) => size },
  { title: 'NOTE', cell: ({ note }: (typeof rows)[number]) => note },
  { title: 'MORE', cell: () => 'only in wide', wide: true as const },
]

test('columns are aligned, and what is not known is a dash', () => {
  assert.equal(
    formatTable(rows, columns),
    `ID        SIZE  NOTE\na         1     ${'x'.repeat(60)}\nlong-one  22    -`,
  )
})

test('columns that do not fit are dropped from the right', () => {
  assert.equal(formatTable(rows, columns, 75), 'ID        SIZE\na         1\nlong-one  22')
  assert.equal(formatTable(rows, columns, 76).split('\n')[0], 'ID        SIZE  NOTE')
  assert.equal(formatTable(rows, columns, 3), 'ID\na\nlong-one', 'the first one stays')
})

test('wide shows every column', () => {
  const [head = ''] = formatTable(rows, columns, Number.POSITIVE_INFINITY).split('\n')
  assert.match(head, /^ID {8}SIZE {2}NOTE {58}MORE$/)
})

test('facts that are not known are left out', () => {
  assert.equal(
    formatFacts([
      ['name', 'a'],
      ['none', undefined],
      ['empty', ''],
      ['null', null],
      ['requests', 0],
    ]),
    'name      a\nrequests  0',
  )
})

test('a terminal is not obeyed by texts of others', () => {
  assert.equal(visible('a\u001b[31mb\nc\u202ed\u009b'), 'a\ufffd[31mb\ufffdc\ufffdd\ufffd')
  assert.equal(visible('größe ✓'), 'größe ✓')
  const table = formatTable([{ id: '\u001b]0;x\u0007' }], [{ title: 'ID', cell: ({ id }) => id }])
  assert.ok(!table.includes('\u001b'))
})

test('JSON has no character that a terminal would obey, and is the same to who parses it', () => {
  const value = {
    'a\u009b': 'x\u0085\u007f\u202ey\u2066',
    text: 'line\nline\t\u2028',
    list: ['größe ✓', 1, null],
  }
  for (const text of [jsonText(value), jsonText(value, 2)]) {
    assert.deepEqual(JSON.parse(text), value)
    assert.equal(text.search(/[^\P{Cc}\n]|[\u2028\u2029]|\p{Bidi_Control}/u), -1, text)
    assert.ok(text.includes('größe ✓'))
  }
  assert.equal(jsonText('\u009b'), '"\\u009b"')
})

test('a table of 200,000 rows is formatted', () => {
  const many = Array.from({ length: 200_000 }, (_, index) => ({ id: String(index) }))
  const lines = formatTable(many, [{ title: 'ID', cell: ({ id }) => id }]).split('\n')
  assert.deepEqual([lines.length, lines.at(-1)], [200_001, '199999'])
})
