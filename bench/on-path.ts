import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Returns whether a program of this name is on PATH. */
export function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, program)))
}
