/**
 * Builds `dist/`, the content of the package: JavaScript, type declarations, the page of the dashboard, and the example
 * routes beside the example services. Run with `npm run build`; `npm pack` runs it first.
 */
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bundle } from './bundle.ts'
import { writeDeclarations } from './declarations.ts'
import { buildUi } from './ui.ts'

const root = dirname(import.meta.dirname)
const dist = join(root, 'dist')

// Output of sources that were deleted must not be shipped.
rmSync(dist, { recursive: true, force: true })

writeDeclarations(dist)
await bundle(dist)
await buildUi(join(dist, 'ui'))

cpSync(join(root, 'examples', 'routes'), join(dist, 'examples', 'routes'), { recursive: true })

chmodSync(join(dist, 'cmd', 'waygate.js'), 0o755)
