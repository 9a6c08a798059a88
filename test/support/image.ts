import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyContext, readDockerfile, type Stage } from './dockerfile.ts'

/** What a container of the image runs with. */
interface ContainerSettings {
  readonly env: Readonly<Record<string, string>>
  readonly user: string
  readonly folder: string
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Writes a shell script that follows the Dockerfile of a checkout without a container engine. Each stage is a copy of this
 * machine's file system, of which only what changes is written, with our Node.js in place of that of the base image. To be run
 * in a mount namespace of its own. After the last stage, it defines the shell functions `container` (runs the entry point, with
 * arguments in place of CMD) and `healthcheck`, which take more variables of the environment from `EXTRA_ENV`, and then goes on
 * with `then`.
 *
 * @param folder an empty folder on a disk, not in memory
 */
export function writeImageScript(checkout: string, folder: string, then: string): string {
  const context = join(folder, 'context')
  mkdirSync(context)
  copyContext(checkout, context)
  const stages = readDockerfile(checkout).slice(1)
  const lines = ['set -eu']
  for (const [index, stage] of stages.entries())
    lines.push(...buildOf(stage, join(folder, `stage-${index}`), context, folder, stages))
  const root = join(folder, `stage-${stages.length - 1}`, 'root')
  const { env, user, folder: cwd, entrypoint, command, healthcheck } = settingsOf(stages.at(-1)!)
  const [uid, gid] = user.split(':')
  const variables = Object.entries(env).map(([name, value]) => `${name}=${quote(value)}`)
  const inside = `chroot ${root} setpriv --reuid=${uid} --regid=${gid} --clear-groups env -i -C ${cwd} PATH=${DEFAULT_PATH} ${variables.join(' ')} $EXTRA_ENV`
  lines.push(
    `EXTRA_ENV=''`,
    `container() { if [ $# = 0 ]; then set -- ${command.map(quote).join(' ')}; fi; exec ${inside} ${entrypoint.map(quote).join(' ')} "$@"; }`,
    `healthcheck() { ${inside} ${healthcheck.map(quote).join(' ')}; }`,
    `inside() { ${inside} "$@"; }`,
    then,
  )
  const file = join(folder, 'image.sh')
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

function* buildOf(
  { instructions }: Stage,
  folder: string,
  context: string,
  all: string,
  stages: readonly Stage[],
): Generator<string> {
  const root = join(folder, 'root')
  yield `mkdir -p ${folder}/upper ${folder}/work ${root}`
  yield `mount -t overlay overlay -o lowerdir=/,upperdir=${folder}/upper,workdir=${folder}/work ${root}`
  yield `for each in proc dev; do mount --rbind /$each ${root}/$each; done`
  yield `rm -rf ${root}/app ${root}/data; install -D ${process.execPath} ${root}/usr/local/bin/node`
  let cwd = '/'
  for (const { name, text } of instructions) {
    if (name === 'WORKDIR') {
      cwd = text
      yield `mkdir -p ${root}${cwd}`
    } else if (name === 'COPY') {
      const [, from, files = ''] = /^(?:--from=(\S+)\s+)?(.*)$/.exec(text)!
      const words = files.split(/\s+/)
      const to = join(root, cwd, words.pop()!)
      const index = stages.findIndex(stage => stage.name !== undefined && stage.name === from)
      const base = from === undefined ? context : join(all, `stage-${index}`, 'root')
      for (const word of words) {
        // The content of a folder is copied, not the folder itself.
        const source = join(base, word)
        yield `if [ -d ${source} ]; then mkdir -p ${to} && cp -a ${source}/. ${to}; else cp -a ${source} ${to}; fi`
      }
    } else if (name === 'RUN') {
      yield `chroot ${root} env PATH=${DEFAULT_PATH} sh -c ${quote(`cd ${cwd} && ${text}`)}`
    }
  }
}

function settingsOf({ instructions }: Stage): ContainerSettings {
  const last = (name: string) => instructions.findLast(each => each.name === name)?.text ?? '[]'
  const env = Object.fromEntries(
    [...last('ENV').matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
  )
  return {
    env,
    user: last('USER'),
    folder: last('WORKDIR'),
    entrypoint: JSON.parse(last('ENTRYPOINT')),
    command: JSON.parse(last('CMD')),
    healthcheck: JSON.parse(last('HEALTHCHECK').split(' CMD ')[1]!),
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
