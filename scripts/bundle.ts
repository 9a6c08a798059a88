import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build, type Metafile } from 'esbuild'
import protobuf from 'protobufjs'

const root = dirname(import.meta.dirname)

/** The programs of the package, and what other programs import. */
const ENTRIES = [
  'cmd/waygate.ts',
  'index.ts',
  'fastify.ts',
  'examples/put-routes.ts',
  'examples/task/main.ts',
  'examples/user/main.ts',
]

/** Packages that are part of the bundle, because they have many files of which a start needs few. */
const BUNDLED = ['etcd3', '@grpc/grpc-js', '@grpc/proto-loader', 'cockatiel', 'prom-client']

/**
 * Writes the JavaScript of the package to `folder`: for each entry a file of the same name, which loads what it needs from a
 * few chunks. A start reads a few dozen files rather than a thousand. Files that are there already with the same content are
 * left alone, so several may write at once. Rejects when a source cannot be read.
 */
export async function bundle(folder: string): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const external = Object.keys(dependencies).filter(name => !BUNDLED.includes(name))
  const { outputFiles, metafile } = await build({
    entryPoints: ENTRIES,
    absWorkingDir: root,
    outbase: root,
    outdir: folder,
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    external: external.flatMap(name => [name, `${name}/*`]),
    alias: { '@grpc/proto-loader': join(root, 'scripts/etcd-protos.ts') },
    // Of the bundled packages, only etcd3 uses __dirname, for the file that etcd-protos.ts stands in for.
    define: { ETCD_PROTOS: JSON.stringify(JSON.stringify(etcdProtos())), __dirname: '""' },
    // For the bundled packages that are CommonJS.
    banner: {
      js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);",
    },
    conditions: ['waygate-source'],
    platform: 'node',
    format: 'esm',
    target: 'node22.19',
    logLevel: 'warning',
  })
  const licenses = { path: join(folder, 'LICENSES.txt'), contents: Buffer.from(licensesOf(metafile)) }
  for (const { path, contents } of [...outputFiles, licenses]) {
    const present = await readFile(path).catch(() => undefined)
    if (present?.equals(contents)) continue
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, contents)
  }
}

/** The protocol files of etcd, as they come with etcd3. */
export function etcdProtos(): protobuf.INamespace {
  const file = join(root, 'node_modules/etcd3/proto/rpc.proto')
  return new protobuf.Root().loadSync(file, { keepCase: true }).toJSON()
}

/** Returns the licenses of the packages that are part of the bundle, which their authors want to be passed on. */
function licensesOf({ inputs }: Metafile): string {
  const folders = Object.keys(inputs).map(path => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
  const packages = [...new Set(folders)].filter(folder => folder !== undefined).sort()
  return packages.map(folder => licenseOf(join(root, folder))).join(`\n${'-'.repeat(80)}\n\n`)
}

/** Returns the name, the version and the license of the package in a folder. */
export function licenseOf(folder: string): string {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find(file => /^licen[cs]e/i.test(file))
  const text =
    file === undefined ? `${author?.name ?? author ?? ''}` : readFileSync(join(folder, file), 'utf8')
  return `${name} ${version}, ${license}\n\n${text}\n`
}
