#!/usr/bin/env node
/**
 * The program. This file is all that older releases of Node.js can load: everything else is imported once the version was
 * checked. `engines` in package.json says the same version.
 */

// First of all: Node.js opens its debugger at a SIGUSR1 that nobody listens to, and ends at a SIGUSR2.
for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => {})
// A gateway that a service manager starts and tells to reload at once has not read its configuration yet.
// Releases that are too old do not have `getBuiltinModule`.
const tty = process.getBuiltinModule?.('node:tty')
if (tty && process.argv[2] === 'start' && ![0, 1, 2].some(tty.isatty)) process.on('SIGHUP', () => {})

const NEEDED_MAJOR = 22
const NEEDED_MINOR = 19
const { node } = process.versions
const [major = 0, minor = 0] = node.split('.').map(Number)

if (major > NEEDED_MAJOR || (major === NEEDED_MAJOR && minor >= NEEDED_MINOR)) await import('./main.ts')
else {
  const needed = `${NEEDED_MAJOR}.${NEEDED_MINOR}`
  const cure = `npx -p node@${NEEDED_MAJOR} waygate COMMAND`
  console.error(
    `waygate: Node.js ${needed} or newer is needed, and this is ${node}: install a newer one from https://nodejs.org, or run ${cure}`,
  )
  process.exitCode = 1
}
