import { execFile } from 'node:child_process'
import { copyFile, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onPath } from '../support/etcd.ts'
import { PROTO_FOLDER } from '../support/grpc-echo.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const MODULES = join(ROOT, 'node_modules')
/** Debian's Go packages, in which golang-google-grpc-dev puts grpc-go. */
const GO_PACKAGES = '/usr/share/gocode'
const NPM_PACKAGES = [
  '@bufbuild/buf@1.75.0',
  '@connectrpc/connect@2',
  '@connectrpc/connect-node@2',
  '@bufbuild/protobuf@2',
]

/** What clients and servers in other languages need, built in one folder. What could not be built is undefined. */
export interface Toolchain {
  /** A descriptor set of echo.proto, health and reflection. */
  readonly set: string
  /** A Python with grpcio. */
  readonly python: string | undefined
  /** The folder of generated Ruby code. */
  readonly ruby: string | undefined
  readonly go: { readonly server: string; readonly client: string; readonly loop: string } | undefined
  /** A folder with packages of npm that are not dependencies of this project, and `client.mjs`. */
  readonly npm: string | undefined
  /** Why something is missing, by its name. */
  readonly missing: ReadonlyMap<string, string>
}

type Part = 'Python' | 'Ruby' | 'Go' | 'npm'
const ALL_PARTS: readonly Part[] = ['Python', 'Ruby', 'Go', 'npm']

/**
 * @param folder where everything is built; the caller removes it
 * @param parts what is wanted
 */
export async function buildToolchain(folder: string, parts: readonly Part[] = ALL_PARTS): Promise<Toolchain> {
  const missing = new Map<string, string>()
  const attempt = async <T>(name: Part, build: () => Promise<T>): Promise<T | undefined> => {
    if (!parts.includes(name)) return undefined
    try {
      return await build()
    } catch (error) {
      missing.set(name, (error as Error).message.split('\n').slice(0, 3).join(' '))
      return undefined
    }
  }
  if (!onPath('protoc')) throw new Error('protoc is not on PATH (Debian: protobuf-compiler)')
  const set = join(folder, 'echo.binpb')
  await run('protoc', [
    ...['-I', PROTO_FOLDER, '-I', join(MODULES, 'grpc-health-check/proto')],
    ...[
      '-I',
      join(MODULES, '@grpc/reflection/build/proto'),
      '--include_imports',
      `--descriptor_set_out=${set}`,
    ],
    ...['echo.proto', 'health/v1/health.proto', 'grpc/reflection/v1alpha/reflection.proto'],
  ])
  const [python, ruby, go, npm] = await Promise.all([
    attempt('Python', findPython),
    attempt('Ruby', () => buildRuby(folder)),
    attempt('Go', () => buildGo(folder)),
    attempt('npm', () => installPackages(folder)),
  ])
  return { set, python, ruby, go, npm, missing }
}

/** Debian's python3-grpcio belongs to /usr/bin/python3, which need not be the first one on PATH. */
async function findPython(): Promise<string> {
  for (const python of ['python3', '/usr/bin/python3']) {
    if ((await run(python, ['-c', 'import grpc, google.protobuf']).catch(() => undefined)) !== undefined)
      return python
  }
  throw new Error('there is no python3 with grpcio (Debian: python3-grpcio, python3-protobuf)')
}

async function buildRuby(folder: string): Promise<string> {
  await run('ruby', ['-e', 'require "grpc"'])
  const out = join(folder, 'ruby')
  await mkdir(out)
  await run('protoc', ['-I', PROTO_FOLDER, `--ruby_out=${out}`, 'echo.proto'])
  return out
}

/** Builds with what Debian has: golang-go, golang-google-grpc-dev. Both are older than Go modules. */
async function buildGo(folder: string): Promise<NonNullable<Toolchain['go']>> {
  const path = join(folder, 'go')
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: `${path}:${GO_PACKAGES}`,
    GOCACHE: join(folder, 'go-cache'),
    GOFLAGS: '',
  }
  const generator = join(folder, 'protoc-gen-go')
  const code = join(path, 'src', 'echo')
  await mkdir(code, { recursive: true })
  await run('go', ['build', '-o', generator, 'github.com/golang/protobuf/protoc-gen-go'], { env })
  const options = `--go_out=plugins=grpc,import_path=echo:${code}`
  await run('protoc', ['-I', PROTO_FOLDER, `--plugin=protoc-gen-go=${generator}`, options, 'echo.proto'])
  const build = async (name: string) => {
    const program = join(folder, `go-${name}`)
    await run('go', ['build', '-o', program, join(import.meta.dirname, 'go', name, 'main.go')], { env })
    return program
  }
  return { server: await build('server'), client: await build('client'), loop: await build('loop') }
}

async function installPackages(folder: string): Promise<string> {
  const out = join(folder, 'npm')
  await mkdir(out)
  const options = ['--no-audit', '--no-fund', '--no-save', '--loglevel=error']
  await run('npm', ['install', ...options, ...NPM_PACKAGES], { cwd: out })
  await copyFile(join(import.meta.dirname, 'clients/client.mjs'), join(out, 'client.mjs'))
  await symlink(PROTO_FOLDER, join(out, 'proto'))
  return out
}
