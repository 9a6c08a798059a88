import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild'
import protobuf from 'protobufjs'
import { VENDORED } from '../routes/admin/ui/ui-sources.ts'
import { sbomOf } from './sbom.ts'

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
const CHUNKS = 'chunks'

/** How sources load a package that they rarely need, without waiting; and how they find one of its files. */
const LATE_REQUIRE = /createRequire\(import\.meta\.url\)(\.resolve)?\('([^']+)'\)/g

/**
 * Writes the JavaScript of the package to `folder`: for each entry a file of the same name, which loads what it needs from a
 * few chunks. All packages that it uses are part of it, so an installation has one package, and a start reads a few dozen
 * files rather than a thousand. `LICENSES.txt` and `sbom.cdx.json` say which packages these are. Files that are there already
 * with the same content are left alone, so several may write at once. Rejects when a source cannot be read.
 */
export async function bundle(folder: string): Promise<void> {
  const late = new Set<string>()
  const common = {
    absWorkingDir: root,
    outdir: folder,
    write: false,
    metafile: true,
    bundle: true,
    // In a checkout whose node_modules is a link as well, the names of files are the same.
    preserveSymlinks: true,
    platform: 'node',
    // Half of the text of packages is indentation, and workers are handed all of it. Names stay, for stack traces.
    minifyWhitespace: true,
    lineLimit: 120,
    target: 'node22.19',
    logLevel: 'warning',
  } as const satisfies BuildOptions
  const program = await build({
    ...common,
    entryPoints: ENTRIES,
    outbase: root,
    splitting: true,
    chunkNames: `${CHUNKS}/[name]-[hash]`,
    plugins: [{ name: 'late-require', setup: rewriteLateRequires(late) }],
    alias: { '@grpc/proto-loader': join(root, 'scripts/etcd-protos.ts') },
    // etcd3 reads a file that etcd-protos.ts stands in for. pino would find those of its transports, which are not used.
    define: { ETCD_PROTOS: JSON.stringify(JSON.stringify(etcdProtos())), __dirname: '""' },
    // For the packages that are CommonJS.
    banner: {
      js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);",
    },
    conditions: ['waygate-source'],
    format: 'esm',
  })
  const packages = await build({
    ...common,
    entryPoints: Object.fromEntries([...late].map(name => [`${CHUNKS}/${name}`, name])),
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
  })
  const outside = program.outputFiles.find(
    ({ path, text }) => !path.startsWith(join(folder, CHUNKS)) && text.includes('.cjs")'),
  )
  if (outside) throw new Error(`${outside.path} would look for a package beside itself`)
  const folders = packageFolders([program.metafile, packages.metafile])
  const notes = {
    'LICENSES.txt': folders.map(licenseOf).join(`\n${'-'.repeat(80)}\n\n`),
    'sbom.cdx.json': sbomOf(folders),
  }
  const texts = Object.entries(notes).map(([name, text]) => ({
    path: join(folder, name),
    contents: Buffer.from(text),
  }))
  for (const { path, contents } of [...program.outputFiles, ...packages.outputFiles, ...texts]) {
    const present = await readFile(path).catch(() => undefined)
    if (present?.equals(contents)) continue
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, contents)
  }
}

/** Makes sources load a package from a file beside the chunks, and notes which packages these are. */
function rewriteLateRequires(late: Set<string>): Plugin['setup'] {
  return ({ onLoad }) => {
    onLoad({ filter: /\.ts$/, namespace: 'file' }, async ({ path }) => {
      const source = await readFile(path, 'utf8')
      const contents = source.replace(LATE_REQUIRE, (_, resolve: string | undefined, name: string) => {
        // Only etcd-protos.ts gets such a path, and looks at its end.
        if (resolve) return `'${name}'`
        late.add(name)
        return `createRequire(import.meta.url)("./${name}.cjs")`
      })
      return { contents, loader: 'ts' }
    })
  }
}

/** The protocol files of etcd, as they come with etcd3. */
export function etcdProtos(): protobuf.INamespace {
  const file = join(root, 'node_modules/etcd3/proto/rpc.proto')
  return new protobuf.Root().loadSync(file, { keepCase: true }).toJSON()
}

/** Returns the folders of the packages that are part of the bundle, or copied beside it for the page, in order. */
function packageFolders(metafiles: readonly Metafile[]): string[] {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs))
  const bundled = inputs.map(path => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
  const copied = Object.values(VENDORED).map(({ module }) => `node_modules/${module.split('/')[0]}`)
  return [...new Set([...bundled, ...copied])].filter(folder => folder !== undefined).sort()
}

/**
 * Returns the name, the version and the license of a package, which its authors want to be passed on.
 *
 * @param folder of the package, below the checkout
 */
export function licenseOf(folder: string): string {
  const path = join(root, folder)
  const { name, version, license, author } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
  const file = readdirSync(path).find(file => /^licen[cs]e/i.test(file))
  const text = file === undefined ? `${author?.name ?? author ?? ''}` : readFileSync(join(path, file), 'utf8')
  return `${name} ${version}, ${license}\n\n${text}\n`
}
