import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/*.md'], { cwd: root })
  .map(file => file.replaceAll('\\', '/'))
  .sort()
/** The text of each page without its blocks of code, in which `#` and brackets mean something else. */
const prose = new Map(
  pages.map(page => [page, readFileSync(join(root, page), 'utf8').replace(/^```.*?^```$/gms, '')]),
)
/** A source file or folder of this repository. */
const SOURCE =
  /`((?:bench|cmd|config|discovery|internal|middleware|routes|scripts|stores|test|wrappers)\/[a-z0-9/-]+(?:(?:\.test)?\.ts)?)`/g

/** Returns the anchors of a page: those of its headings, as GitHub makes them, and those that are set by hand. */
function anchorsOf(page: string): Set<string> {
  const text = prose.get(page)!
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
  const set = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id!)
  return new Set([...headings, ...set])
}

/** Returns the links of a page to other places of this repository: file and anchor, '' where there is none. */
function linksOf(page: string): { link: string; file: string; anchor: string }[] {
  return [...prose.get(page)!.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link!)
    .filter(link => !/^[a-z]+:/.test(link))
    .map(link => {
      const [path = '', anchor = ''] = link.split('#')
      const file = path === '' ? page : posix.join(posix.dirname(page), path)
      return { link, file, anchor }
    })
}

test('every link in the documentation leads to a file that exists, and to a heading of it', () => {
  assert.ok(pages.length > 30, 'the pages were found')
  const isBroken = (file: string, anchor: string) =>
    !existsSync(join(root, file)) || (anchor !== '' && !(prose.has(file) && anchorsOf(file).has(anchor)))
  const broken = pages.flatMap(page =>
    linksOf(page)
      .filter(({ file, anchor }) => isBroken(file, anchor))
      .map(({ link }) => `${page}: ${link}`),
  )
  assert.deepEqual(broken, [])
})

test('docs/README.md leads to every page of the documentation, some by the index of their folder', () => {
  const indexes = pages.filter(page => page.startsWith('docs/') && page.endsWith('/README.md'))
  const linked = new Set(indexes.flatMap(index => linksOf(index).map(({ file }) => file)))
  assert.deepEqual(
    pages.filter(page => page.startsWith('docs/') && page !== 'docs/README.md' && !linked.has(page)),
    [],
  )
})

test('every source file and folder that the documentation names exists', () => {
  // The comparison names files of other projects.
  const named = pages
    .filter(page => page !== 'docs/comparison.md' && page !== 'CHANGELOG.md')
    .flatMap(page => [...prose.get(page)!.matchAll(SOURCE)].map(([, file]) => ({ page, file: file! })))
  assert.ok(named.length > 50, 'the names were found')
  assert.deepEqual(
    named.filter(({ file }) => !existsSync(join(root, file))),
    [],
  )
})
