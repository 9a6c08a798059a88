import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readEnvironment } from '../config/load/environment.ts'
import { loadConfig } from '../config/load/load.ts'

const folder = join(import.meta.dirname, '../deploy/systemd')
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0
const skip = hasSystemd ? false : 'systemd-analyze is not on PATH'

/** Returns the values of a setting in a unit, in their order. */
function valuesOf(unit: string, name: string): readonly string[] {
  const text = readFileSync(join(folder, unit), 'utf8')
  return [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value!)
}

/** Copies the units to a folder, with a program that exists in place of an installed one. */
function copyUnits(t: TestContext): string {
  const copy = mkdtempSync(join(tmpdir(), 'waygate-units-'))
  t.after(() => rmSync(copy, { recursive: true }))
  cpSync(folder, copy, { recursive: true })
  const program = join(copy, 'waygate')
  writeFileSync(program, '#!/bin/sh\n')
  chmodSync(program, 0o755)
  const unit = join(copy, 'waygate.service')
  writeFileSync(unit, readFileSync(unit, 'utf8').replace('/usr/local/bin/waygate', program))
  return copy
}

test('systemd finds nothing wrong with the units', { skip }, t => {
  const copy = copyUnits(t)
  const units = ['waygate.service', 'waygate.socket', 'waygate-tls.socket'].map(name => join(copy, name))
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' })
  assert.equal(`${stdout}${stderr}`, '')
  assert.equal(status, 0)
})

test('systemd calls the exposure of the service OK: 2.0 of 10 at most', { skip }, t => {
  const unit = join(copyUnits(t), 'waygate.service')
  const flags = ['security', '--offline=true', '--threshold=20', '--no-pager', unit]
  const { status, stdout } = spawnSync('systemd-analyze', flags, { encoding: 'utf8' })
  assert.match(stdout, /Overall exposure level for waygate.service: \d\.\d OK/)
  assert.equal(status, 0, stdout)
})

test('a service has time to drain before it is killed', () => {
  const { config } = loadConfig({ env: {}, cwd: folder })
  const [seconds] = valuesOf('waygate.service', 'TimeoutStopSec').map(text => Number.parseInt(text, 10))
  assert.ok(config.drainMs + config.shutdownTimeoutMs < seconds! * 1_000)
})

test('sockets are named after the listeners that they are for', () => {
  assert.deepEqual(valuesOf('waygate.socket', 'FileDescriptorName'), ['public'])
  assert.deepEqual(valuesOf('waygate-tls.socket', 'FileDescriptorName'), ['tls'])
})

test('secrets are credentials that the variables of Waygate name', () => {
  const unit = 'waygate.service.d/secrets.conf'
  const loaded = valuesOf(unit, 'LoadCredential').map(text => text.split(':')[0])
  const variables = valuesOf(unit, 'Environment').map(text => text.split('='))
  assert.deepEqual(
    variables.map(([, path]) => path),
    loaded.map(name => `%d/${name}`),
  )
  const { warnings } = readEnvironment(Object.fromEntries(variables))
  assert.deepEqual(warnings, [], 'every variable is known')
})
