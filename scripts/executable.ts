/**
 * Builds `build/waygate`, one file that runs without Node.js: a copy of the Node.js that runs this script, and within it the
 * files of the package, which the program finds in a file system of its own. Run with `npm run build:executable`, or with the
 * folder for the file as an argument. It is for the system and the processor that it is built on.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const root = dirname(import.meta.dirname)
const output = resolve(process.argv[2] ?? join(root, 'build'))

/** What is in the executable, below the checkout. Declarations are for compilers. */
const FILES = ['package.json', 'LICENSE', 'dist/**/*']

/**
 * What the executable runs. All of its processes start here: `fork` can start nothing else than the file itself. A worker is
 * known by its environment (`cmd/workers/messages.ts`), and so is an example service of `waygate demo`.
 */
const MAIN = `
for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => {})
const { WAYGATE_EXAMPLE: example } = process.env
await import(['task', 'user'].includes(example) ? './dist/examples/' + example + '/main.js' : './dist/cmd/waygate.js')
`

if (!existsSync(join(root, 'dist/cmd/waygate.js')))
  throw new Error('there is no dist: run npm run build first')
const folder = mkdtempSync(join(tmpdir(), 'waygate-executable-'))
try {
  const files = globSync(FILES, { cwd: root, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.name.endsWith('.d.ts'))
    .map(entry => join(entry.parentPath, entry.name).slice(root.length + 1))
  const config = {
    main: join(folder, 'main.js'),
    mainFormat: 'module',
    output: join(output, 'waygate'),
    disableExperimentalSEAWarning: true,
    useVfs: true,
    assets: Object.fromEntries(files.map(file => [file, join(root, file)])),
  }
  writeFileSync(config.main, MAIN)
  writeFileSync(join(folder, 'sea.json'), JSON.stringify(config))
  mkdirSync(output, { recursive: true })
  const { status } = spawnSync(process.execPath, ['--build-sea', join(folder, 'sea.json')], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true })
}
