import { publishedConfigSchema, publishedRouteSchema } from '../config/load/publish.ts'
import { commandTables, fieldTables, routeTable, variableTable } from './docs-tables.ts'

/** Every generated file with its content, path first; what is written by hand is read and kept. */
export function generatedFiles(read: (path: string) => string): [path: string, content: string][] {
  const page = 'docs/configuration.md'
  const parts: Readonly<Record<string, string>> = {
    commands: commandTables(),
    variables: variableTable(),
    fields: fieldTables(),
    route: routeTable(),
  }
  return [
    [page, Object.entries(parts).reduce((text, [name, part]) => replacePart(text, name, part), read(page))],
    ['docs/schema/config.schema.json', json(publishedConfigSchema())],
    ['docs/schema/route.schema.json', json(publishedRouteSchema())],
  ]
}

/**
 * Replaces what stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`.
 *
 * @throws Error when the page has no such marks.
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

/** As the formatter of the project writes it: a list of plain values on one line where it fits. */
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
