import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const { scripts } = JSON.parse(read('package.json'))

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

interface Job {
  readonly uses?: string
  readonly needs?: string | readonly string[]
  readonly permissions?: Readonly<Record<string, string>>
  readonly 'timeout-minutes'?: number
  readonly steps?: readonly Step[]
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

/** What jobs may do beyond reading the sources. */
const MAY_WRITE: Readonly<Record<string, readonly string[]>> = {
  'release.yml image': ['packages', 'id-token', 'attestations'],
  'release.yml npm': ['id-token'],
  'release.yml release': ['contents', 'id-token', 'attestations'],
}

const files = globSync('.github/workflows/*.yml', { cwd: root }).sort()

test('there is a workflow for changes and one for releases', () => {
  assert.deepEqual(files, ['.github/workflows/ci.yml', '.github/workflows/release.yml'])
})

for (const file of files) {
  const text = read(file)
  const workflow: Workflow = parse(text)
  const jobs = Object.entries(workflow.jobs)
  const steps = jobs.flatMap(([, job]) => job.steps ?? [])

  describe(file, () => {
    test('a job may write only what it has to', () => {
      assert.ok(
        ['{}', '{"contents":"read"}'].includes(JSON.stringify(workflow.permissions)),
        'without a line of its own, a job has no more',
      )
      for (const [name, { permissions = {} }] of jobs) {
        const writes = Object.keys(permissions).filter(kind => permissions[kind] !== 'read')
        assert.deepEqual(
          writes.sort(),
          [...(MAY_WRITE[`${file.split('/').at(-1)} ${name}`] ?? [])].sort(),
          name,
        )
      }
    })

    test('actions of others are pinned by commit, with their version beside it', () => {
      const used = text.match(/(?<=uses: ).*/g) ?? []
      assert.equal(used.length, [...steps, ...jobs.map(([, job]) => job)].filter(({ uses }) => uses).length)
      for (const name of used) {
        if (name.startsWith('./')) assert.ok(existsSync(join(root, name)), name)
        else assert.match(name, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
      }
    })

    test('one action has one commit everywhere', () => {
      const commits = new Map<string, Set<string>>()
      for (const each of files)
        for (const [, name, commit] of read(each).matchAll(/uses: ([\w-]+\/[\w-]+)@(.*)/g))
          commits.set(name!, (commits.get(name!) ?? new Set()).add(commit!))
      for (const [name, found] of commits) assert.equal(found.size, 1, name)
    })

    test('its scripts exist', () => {
      for (const { run = '' } of steps) {
        for (const [, name = ''] of run.matchAll(/npm run ([\w:-]+)/g)) assert.ok(scripts[name], name)
        for (const [, path = ''] of run.matchAll(/^bash (\S+)/gm))
          assert.ok(existsSync(join(root, path)), path)
      }
    })

    test('no text of a tag, a branch or a change gets into a shell as a part of its program', () => {
      for (const { run = '' } of steps) assert.doesNotMatch(run, /\$\{\{/)
    })

    test('a job ends, and leaves no credentials to what it runs', () => {
      for (const [name, job] of jobs) {
        if (job.uses === undefined) assert.ok(job['timeout-minutes'], name)
        for (const step of job.steps ?? [])
          if (step.uses?.startsWith('actions/checkout@'))
            assert.equal(step.with?.['persist-credentials'], false, name)
      }
    })

    test('jobs wait for jobs that exist', () => {
      for (const [name, { needs = [] }] of jobs)
        for (const needed of [needs].flat()) assert.ok(workflow.jobs[needed], `${name} needs ${needed}`)
    })
  })
}

const release: Workflow = parse(read('.github/workflows/release.yml'))

/** The jobs that must succeed before a job of a release runs. */
function before(name: string): ReadonlySet<string> {
  const needs = [release.jobs[name]!.needs ?? []].flat()
  return new Set(needs.flatMap(needed => [needed, ...before(needed)]))
}

test('nothing of a release is published before the tests, the package and all executables are fine', () => {
  assert.deepEqual(Object.keys(release.on), ['push'])
  assert.equal(release.jobs.test!.uses, './.github/workflows/ci.yml')
  assert.ok('workflow_call' in parse(read('.github/workflows/ci.yml')).on)
  for (const name of ['image', 'npm'])
    assert.deepEqual([...before(name)].sort(), ['executable', 'package', 'test'], name)
  assert.deepEqual([...before('release')].sort(), ['executable', 'image', 'npm', 'package', 'test'])
})

test('updates are looked for where something is pinned', () => {
  const { updates } = parse(read('.github/dependabot.yml'))
  const found = updates.flatMap((update: Record<string, unknown>) => {
    assert.deepEqual(update.schedule, { interval: 'weekly' })
    return [update.directory ?? update.directories]
      .flat()
      .map(folder => `${update['package-ecosystem']} ${folder}`)
  })
  const locks = globSync('{package-lock.json,*/package-lock.json}', { cwd: root })
  const npm = locks.map(lock => `npm /${lock.split('/').slice(0, -1).join('/')}`)
  assert.deepEqual(found.sort(), [...npm, 'docker /', 'github-actions /'].sort())
})
