import { cpSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export interface Instruction {
  /** In upper case, such as RUN. */
  readonly name: string
  /** What follows, in one line. */
  readonly text: string
}

/** The instructions of a Dockerfile from one FROM to the next. Those before the first FROM are a stage without a base. */
export interface Stage {
  readonly base: string | undefined
  /** The name that other stages copy from it by. */
  readonly name: string | undefined
  readonly instructions: readonly Instruction[]
}

/** Reads the Dockerfile of a folder. */
export function readDockerfile(folder: string): readonly Stage[] {
  const lines = readFileSync(join(folder, 'Dockerfile'), 'utf8')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .join('\n')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
  const stages: (Stage & { instructions: Instruction[] })[] = [
    { base: undefined, name: undefined, instructions: [] },
  ]
  for (const line of lines) {
    const [, name = '', text = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? []
    const [, base, , stage] = (name === 'FROM' && /^(\S+)(\s+AS\s+(\S+))?$/.exec(text)) || []
    if (base === undefined) stages.at(-1)!.instructions.push({ name, text })
    else stages.push({ base, name: stage, instructions: [] })
  }
  return stages
}

/** Returns the files and folders that the .dockerignore of a folder lets through, which forbids all others. */
export function allowedInBuild(folder: string): readonly string[] {
  const lines = readFileSync(join(folder, '.dockerignore'), 'utf8').split('\n')
  if (!lines.includes('*')) throw new Error('.dockerignore lets everything through')
  return lines.filter(line => line.startsWith('!')).map(line => line.slice(1))
}

/** Copies what an engine would send to the build, from one folder to another. */
export function copyContext(from: string, to: string): void {
  // The last lines forbid files by their names.
  const isForbidden = (file: string) => /\.db(-.*)?$|\.log$|^\.env/.test(basename(file))
  for (const entry of allowedInBuild(from)) {
    cpSync(join(from, entry), join(to, entry), { recursive: true, filter: file => !isForbidden(file) })
  }
}
