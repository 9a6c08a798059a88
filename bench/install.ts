import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Installs the packages that only the benchmark needs, unless they are installed. */
export function ensureInstalled(): void {
  if (existsSync(join(import.meta.dirname, 'node_modules'))) return
  console.error('installing the packages of the benchmark into bench/node_modules')
  // Without install scripts: none of these packages needs its own.
  execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: import.meta.dirname, stdio: 'inherit' })
}
