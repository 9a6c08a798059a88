/**
 * Set-up of the whole suite: makes the program that `startProgram` starts as it is packed, in 0.5 s. A start of that costs
 * half of a start from 400 sources, and the suite has hundreds of them.
 */
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { bundle } from '../../scripts/bundle.ts'
import { buildUi } from '../../scripts/ui.ts'

const root = join(import.meta.dirname, '../..')
/** Within the checkout, where its packages are found. */
const folder = join(root, 'node_modules/.cache/waygate/program')

export async function globalSetup(): Promise<void> {
  await mkdir(folder, { recursive: true })
  await cp(join(root, 'package.json'), join(folder, 'package.json'))
  await bundle(join(folder, 'dist'))
  await buildUi(join(folder, 'dist/ui'))
  await cp(join(root, 'examples/routes'), join(folder, 'dist/examples/routes'), { recursive: true })
  process.env.BUILT_PROGRAM = join(folder, 'dist/cmd/waygate.js')
}
