import { publishedConfigSchema, publishedRouteSchema } from '../config/load/publish.ts'
import { commandParts, fieldTables, routeTable, variableTable } from './docs-tables.ts'

/** Returns every generated file, path first. Text that was written by hand is read and kept. */
export function generatedFiles(read: (path: string) => string): [path: string, content: string][] {
  const withParts = (page: string, parts: Readonly<Record<string, string>>): [string, string] => [
    page,
    Object.entries(parts).reduce((text, [name, part]) => replacePart(text, name, part), read(page)),
  ]
  return [
    withParts('docs/cli.md', commandParts()),
    withParts('docs/configuration.md', {
      variables: variableTable(),
      fields: fieldTables(),
      route: routeTable(),
    }),
    ['docs/schema/config.schema.json', json(publishedConfigSchema())],
    ['docs/schema/route.schema.json', json(publishedRouteSchema())],
  ]
}

/**
 * Replaces the text between `<!-- generated: NAME -->` and `<!-- end of NAME -->`.
 *
 * @throws Error when the page does not have these marks
 */
export function replacePart(text: string, name: string, part: string): string {
  const begin = `<!-- generated: ${name} -->`
  const end = `<!-- end of ${name} -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the page lacks ${begin} ... ${end}`)
  return `${text.slice(0, from + begin.length)}\n\n${part.trim()}\n\n${text.slice(to)}`
}

const LINE_WIDTH = 110

/** Formats JSON like the formatter of the project: a list of plain values is on one line if it fits. */
function json(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(
    /^( *(?:"[^"]*": )?)\[\n([^[\]{}]*?)\n *\](,?)$/gm,
    (lines, start: string, items: string, end: string) => {
      const line = `${start}[${items.trim().replace(/,\n */g, ', ')}]${end}`
      return line.length <= LINE_WIDTH ? line : lines
    },
  )
  return `${text}\n`
}
