import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Installs what the benchmark needs and the product does not, unless it is there. */
export function ensureInstalled(): void {
  if (existsSync(join(import.meta.dirname, 'node_modules'))) return
  console.error('installing what is compared with, into bench/node_modules')
  // Without install scripts: none of these packages needs its own.
  execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: import.meta.dirname, stdio: 'inherit' })
}
