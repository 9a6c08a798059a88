import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder with Waygate's package.json: the checkout, or the installed package. */
export const PACKAGE_FOLDER = findPackageFolder(import.meta.dirname)

/** Whether Waygate runs from its TypeScript sources rather than from the built package. */
export const IS_SOURCE = import.meta.filename.endsWith('.ts')

/** Whether Waygate runs as an executable, which has Node.js within it and can start nothing but itself. */
export const IS_EXECUTABLE = process.getBuiltinModule('node:sea').isSea()

/** Returns the version in package.json. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'package.json'), 'utf8')).version
}

function findPackageFolder(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findPackageFolder(dirname(folder))
}
