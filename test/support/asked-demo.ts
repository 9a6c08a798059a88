import assert from 'node:assert/strict'
import { FREE_PORTS, startDemo } from './demo.ts'

/** Starts the demo of a program, asks its services and its page, and ends it with Ctrl-C. */
export async function askDemo(file: string, env: Readonly<Record<string, string>>): Promise<void> {
  await using demo = await startDemo(FREE_PORTS, { file }, env)
  const found = (pattern: RegExp) => pattern.exec(demo.introduction)?.[1] ?? assert.fail(demo.introduction)
  const gateway = found(/gateway {2}(\S+)/)
  const page = new URL(found(/page {5}(\S+)/))
  const headers = { authorization: `Bearer ${found(/export TOKEN=(\S+)/)}` }
  assert.equal((await fetch(`${gateway}/task/tasks`)).status, 401)
  assert.equal((await fetch(`${gateway}/task/tasks`, { headers })).status, 200)
  for (const name of ['', 'ui/main.js', 'ui/vendor/preact.js', 'ui/vendor/LICENSES.txt'])
    assert.equal((await fetch(new URL(name, page.origin))).status, 200, name)
  demo.program.child.kill('SIGINT')
  assert.deepEqual(await demo.program.exited, { code: 0, signal: null }, demo.program.stderr())
}
