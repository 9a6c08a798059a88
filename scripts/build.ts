/**
 * Builds `dist/`, the content of the package: JavaScript, type declarations, the page of the dashboard, and the example
 * routes beside the example services. Run with `npm run build`; `npm pack` runs it first.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { bundle } from './bundle.ts'
import { buildUi } from './ui.ts'

const root = dirname(import.meta.dirname)
const dist = join(root, 'dist')
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')

// Output of sources that were deleted must not be shipped.
rmSync(dist, { recursive: true, force: true })

const { status } = spawnSync(process.execPath, [tsc, '--project', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
})
if (status !== 0) process.exit(status ?? 1)
await bundle(dist)
await buildUi(join(dist, 'ui'))

cpSync(join(root, 'examples', 'routes'), join(dist, 'examples', 'routes'), { recursive: true })

chmodSync(join(dist, 'cmd', 'waygate.js'), 0o755)
