import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { makeAuthority } from '../support/certificates.ts'
import { onPath } from '../support/etcd.ts'
import { freePort } from '../support/free-port.ts'
import { openRegistry } from '../support/registry.ts'
import { startService } from '../support/service.ts'
import { getTls, shownCertificate } from '../support/tls-client.ts'
import { until } from '../support/until.ts'
import { SOURCE_PROGRAM, startGateway } from '../support/waygate.ts'

const run = promisify(execFile)
/** pebble is an authority for tests that speaks RFC 8555, pebble-challtestsrv its name server, dehydrated a client. */
const PROGRAMS = ['pebble', 'pebble-challtestsrv', 'dehydrated', 'etcdctl', 'openssl', 'curl']
/** What is validated is asked for at the plain port of the gateway. */
const [BY_FILES, BY_ETCD] = ['files.example', 'etcd.example']

/**
 * Gets certificates from an authority with an ACME client, through the gateway: once with a folder and files, and once with
 * keys in etcd. Renews each while requests go on. Prints each step, and returns whether all is as it should be.
 */
export async function runAcme(folder: string): Promise<boolean> {
  console.log('\nCertificates by ACME:\n')
  const missing = PROGRAMS.filter(program => !onPath(program))
  if (missing.length > 0) {
    console.log(`left out: ${missing.join(' and ')} not on PATH`)
    return true
  }
  const cleanUp: (() => void)[] = []
  await using stack = new AsyncDisposableStack()
  stack.defer(() => {
    for (const each of cleanUp.reverse()) each()
  })
  const own = makeAuthority({ after: each => void cleanUp.push(each as () => void) })
  const placeholder = own.issue(BY_FILES, { days: 1 })
  const challenges = join(folder, 'challenges')
  await mkdir(challenges)
  const sealKeyFile = join(folder, 'seal')
  await writeFile(sealKeyFile, randomBytes(32).toString('base64'))
  const node = stack.use(await startService('node'))
  const gateway = stack.use(
    await startGateway({
      config: {
        routes: { documents: { all: { path: '/*', service: 'node' } } },
        tls: {
          ...{ port: 0, cert: placeholder.cert, key: placeholder.key, acmeChallengeDir: challenges },
          ...{ fromEtcd: true, sealKeyFile },
        },
      },
    }),
  )
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('node', 'n1', node)
  await gateway.untilNodes('node', ['n1'])
  const authority = await startPebble(folder, own, gateway.port, each => stack.defer(each))
  const tlsPort = Number(new URL(String((await gateway.logged('waygate is listening')).tls)).port)
  const target = { port: tlsPort, ca: await authority.root() }

  const byFiles = await configure(folder, 'files', authority.directory, own.ca, {
    wellKnown: challenges,
    hook: `deploy_cert) cp "$5" ${placeholder.cert}.new && cp "$3" ${placeholder.key}.new
  mv ${placeholder.cert}.new ${placeholder.cert} && mv ${placeholder.key}.new ${placeholder.key} ;;`,
  })
  const waygate = `${process.execPath} --conditions=waygate-source ${SOURCE_PROGRAM}`
  const byEtcd = await configure(folder, 'etcd', authority.directory, own.ca, {
    // Not served: the answers are in etcd.
    wellKnown: folder,
    hook: `deploy_challenge) etcdctl --endpoints ${gateway.etcd} put "/waygate/acme/$3" "$4" ;;
clean_challenge) etcdctl --endpoints ${gateway.etcd} del "/waygate/acme/$3" ;;
deploy_cert) ${waygate} certificate put "$2" --cert "$5" --key "$3" --etcd ${gateway.etcd} --tls-seal-key-file ${sealKeyFile} ;;`,
  })

  let isFine = true
  const step = async (what: string, work: () => Promise<string>) => {
    const result = await work().catch(error => {
      isFine = false
      return `FAIL: ${error instanceof Error ? error.message : error}`
    })
    console.log(`${what}: ${result}`)
  }
  for (const [name, config] of [
    [BY_FILES, byFiles],
    [BY_ETCD, byEtcd],
  ] as const) {
    const serialOf = async () => (await shownCertificate(tlsPort, name))?.serialNumber
    const issue = async (...args: readonly string[]) => {
      const before = await serialOf()
      await run('dehydrated', ['--config', config, '--cron', '--domain', name, ...args], { timeout: 120_000 })
      await until('the new certificate is served', async () => {
        const serial = await serialOf()
        return serial !== undefined && serial !== before
      })
      const { text } = await getTls(target, name, '/x')
      const { issuer } = (await shownCertificate(tlsPort, name))!
      return `served, issued by ${issuer.CN}; a client that trusts the authority alone got "${text}"`
    }
    await step(`${name}, account`, async () => {
      await run('dehydrated', ['--config', config, '--register', '--accept-terms'], { timeout: 60_000 })
      return 'registered'
    })
    await step(`${name}, first certificate`, () => issue())
    await step(`${name}, renewal`, async () => {
      const requests = keepAsking(target, name)
      const said = await issue('--force')
      return `${said}; of ${await requests.finish()} requests meanwhile, none failed`
    })
  }
  await step('answers left in etcd', async () => {
    const left = await registry.client.getAll().prefix('/waygate/acme/').keys()
    if (left.length > 0) throw new Error(left.join())
    return 'none'
  })
  await step('starts of the gateway', async () => {
    if (gateway.hasExited()) throw new Error(`it has ended\n${gateway.stderr()}`)
    return '1'
  })
  return isFine
}

interface Pebble {
  /** The URL where clients begin. */
  readonly directory: string
  /** Returns the certificate of the authority, PEM. */
  root(): Promise<string>
}

/** Starts an authority that validates at one port of this machine, whatever the name. */
async function startPebble(
  folder: string,
  own: ReturnType<typeof makeAuthority>,
  httpPort: number,
  defer: (stop: () => Promise<void>) => void,
): Promise<Pebble> {
  const [port, managementPort, dnsPort, dnsManagement] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ])
  const { cert, key } = own.issue('pebble', { names: 'IP:127.0.0.1', days: 1 })
  const config = join(folder, 'pebble.json')
  await writeFile(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${managementPort}`,
        ...{ certificate: cert, privateKey: key, httpPort, tlsPort: 1, ocspResponderURL: '' },
        externalAccountBindingRequired: false,
      },
    }),
  )
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '']
  const dns = ['-dns01', `127.0.0.1:${dnsPort}`, '-management', `127.0.0.1:${dnsManagement}`]
  const env = { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: '0' }
  const children = [
    spawn('pebble-challtestsrv', [...off, ...dns], { stdio: 'ignore' }),
    spawn('pebble', ['-config', config, '-dnsserver', `127.0.0.1:${dnsPort}`], { stdio: 'ignore', env }),
  ]
  for (const child of children) {
    process.once('exit', () => child.kill('SIGKILL'))
    defer(() => end(child))
  }
  const directory = `https://127.0.0.1:${port}/dir`
  await until('the authority answers', () =>
    ask(directory, own.pem).then(
      () => true,
      () => false,
    ),
  )
  return { directory, root: () => ask(`https://127.0.0.1:${managementPort}/roots/0`, own.pem) }
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

function ask(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { ca, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', piece => {
        text += piece
      })
      response.on('end', () => resolve(text)).on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}

/** Writes the configuration of dehydrated, and its hook. Returns the path of the configuration. */
async function configure(
  folder: string,
  name: string,
  directory: string,
  ca: string,
  { wellKnown, hook }: { readonly wellKnown: string; readonly hook: string },
): Promise<string> {
  const base = join(folder, name)
  await mkdir(base)
  const [config, script] = [join(base, 'config'), join(base, 'hook.sh')]
  await writeFile(script, `#!/bin/sh\nset -e\ncase "$1" in\n${hook}\nesac\n`)
  await chmod(script, 0o700)
  await writeFile(
    config,
    `CA="${directory}"\nBASEDIR="${base}"\nWELLKNOWN="${wellKnown}"\nHOOK="${script}"\nCURL_OPTS="--cacert ${ca}"\n`,
  )
  return config
}

/** Sends requests on new connections until it is finished. Resolves with how many there were, none of which failed. */
function keepAsking(target: Parameters<typeof getTls>[0], host: string): { finish(): Promise<number> } {
  let isOver = false
  const asking = (async () => {
    let count = 0
    for (; !isOver; count++) {
      const { status } = await getTls(target, host, '/x')
      if (status !== 200) throw new Error(`a request got ${status}`)
      await delay(10)
    }
    return count
  })()
  // It is awaited later.
  asking.catch(() => {})
  return {
    finish() {
      isOver = true
      return asking
    },
  }
}
