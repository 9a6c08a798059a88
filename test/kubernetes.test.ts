import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { loadConfig } from '../config/load/load.ts'
import { readDockerfile } from './support/dockerfile.ts'
import { checkManifest, type Manifest, parseManifests, readManifests } from './support/manifests.ts'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'deploy/kubernetes')
const files = globSync('**/*.yaml', { cwd: folder }).filter(
  file => !/(^|\/)(kustomization|waygate)\.yaml$/.test(file),
)
const manifests = files.flatMap(file => readManifests(join(folder, file)))
const named = (kind: string, name = 'waygate') => {
  const found = manifests.find(each => each.kind === kind && each.metadata.name === name)
  assert.ok(found, `${kind} ${name}`)
  return found
}
const gateway = named('Deployment').spec
const pod = gateway.template.spec
const [container] = pod.containers

test('every manifest is valid by the published schemas, without unknown fields', () => {
  assert.ok(manifests.length >= 8, `${manifests.length} manifests`)
  for (const manifest of manifests) checkManifest(manifest)
})

test('the check of manifests finds a wrong type and a misspelt field', () => {
  const change = (edit: (manifest: Manifest) => void) => {
    const copy = structuredClone(named('Deployment'))
    edit(copy)
    return () => checkManifest(copy)
  }
  assert.throws(
    change(({ spec }) => Object.assign(spec, { replicas: 'two' })),
    /replicas/,
  )
  assert.throws(
    change(({ spec }) => Object.assign(spec.template.spec.containers[0], { enviroment: [] })),
    /unknown to Deployment: \$\.spec\.template\.spec\.containers\[0\]\.enviroment/,
  )
})

test('the kustomizations list every manifest beside them, and only what exists', () => {
  const resources = (of: string) =>
    parse(readFileSync(join(folder, of, 'kustomization.yaml'), 'utf8')).resources
  const beside = (of: string) => globSync('*.yaml', { cwd: join(folder, of) })
  assert.deepEqual(
    resources('base').toSorted(),
    beside('base')
      .filter(file => !/^(kustomization|waygate)\.yaml$/.test(file))
      .sort(),
  )
  assert.deepEqual(resources('monitoring'), ['../base', 'service-monitor.yaml'])
})

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0
test('kustomize renders them', { skip: hasKubectl ? false : 'kubectl is not on PATH' }, () => {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(folder, 'monitoring')], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  const rendered = parseManifests(stdout)
  for (const manifest of rendered) {
    checkManifest(manifest)
    if (manifest.kind !== 'Namespace') assert.equal(manifest.metadata.namespace, 'waygate', manifest.kind)
  }
  const map = rendered.find(({ kind }) => kind === 'ConfigMap')!
  const { template } = rendered.find(({ kind }) => kind === 'Deployment')!.spec
  const volume = template.spec.volumes.find(({ name }: { name: string }) => name === 'config')
  assert.equal(volume.configMap.name, map.metadata.name)
  assert.match(template.spec.containers[0].image, /^waygate:\d+\.\d+\.\d+$/)
})

test('the configuration is one, with the secrets from their files and the admin listener open to other pods', t => {
  const { config, warnings } = loadConfig(startOf(t))
  assert.deepEqual(warnings, [])
  assert.equal(config.adminToken, 'admin-token')
  assert.equal(config.jwt.secret, 'jwt-secret'.padEnd(32, '.'))
  assert.equal(config.adminHost, '0.0.0.0')
  assert.deepEqual(portsOf(container), { http: config.port, admin: config.adminPort })
  assert.equal(config.etcd.endpoints?.length, 3)
})

test('a pod has time to drain before it is killed', t => {
  const { config } = loadConfig(startOf(t))
  assert.ok(config.drainMs >= 10_000)
  const needed = config.drainMs + config.shutdownTimeoutMs
  assert.ok(needed < pod.terminationGracePeriodSeconds * 1_000, `${needed} ms`)
})

test('probes ask the pages for them', () => {
  const { startupProbe, readinessProbe, livenessProbe } = container
  assert.deepEqual(
    [startupProbe, readinessProbe, livenessProbe].map(({ httpGet: { path, port } }) => [path, port]),
    [
      ['/healthz', 'admin'],
      ['/readyz', 'admin'],
      ['/healthz', 'admin'],
    ],
  )
})

test('all pods meet the restricted standard: a numeric user, no privileges, and no writable root', () => {
  const [user] = readDockerfile(root).flatMap(({ instructions }) =>
    instructions.filter(each => each.name === 'USER'),
  )
  const { securityContext } = pod
  assert.equal(`${securityContext.runAsUser}:${securityContext.runAsGroup}`, user!.text)
  for (const { spec } of manifests.filter(({ kind }) => kind === 'Deployment')) {
    const { containers, securityContext: context, ...rest } = spec.template.spec
    assert.equal(context.runAsNonRoot, true)
    assert.equal(context.seccompProfile.type, 'RuntimeDefault')
    assert.equal(rest.enableServiceLinks, false)
    assert.equal(rest.automountServiceAccountToken, false)
    for (const each of containers) {
      assert.deepEqual(each.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
    }
  }
})

test('what is written lies in a volume', () => {
  const env = readDockerfile(root).flatMap(({ instructions }) =>
    instructions.filter(each => each.name === 'ENV'),
  )
  const [, dataDir] = /WAYGATE_DATA_DIR=(\S+)/.exec(env[0]!.text)!
  const mount = container.volumeMounts.find(({ mountPath }: { mountPath: string }) => mountPath === dataDir)
  const volume = pod.volumes.find(({ name }: { name: string }) => name === mount.name)
  assert.ok(volume.emptyDir)
})

test('services, the budget, the policy and the monitor select the pods of the gateway, by ports that they have', () => {
  const { labels } = gateway.template.metadata
  const selectors = [
    gateway.selector.matchLabels,
    named('Service').spec.selector,
    named('Service', 'waygate-admin').spec.selector,
    named('PodDisruptionBudget').spec.selector.matchLabels,
    named('NetworkPolicy').spec.podSelector.matchLabels,
    ...pod.topologySpreadConstraints.map(
      (each: { labelSelector: { matchLabels: object } }) => each.labelSelector.matchLabels,
    ),
  ]
  for (const selector of selectors) assert.deepEqual(selector, labels)
  assert.deepEqual(
    named('ServiceMonitor').spec.selector.matchLabels,
    named('Service', 'waygate-admin').metadata.labels,
  )
  assert.equal(
    named('ServiceMonitor').spec.endpoints[0].port,
    named('Service', 'waygate-admin').spec.ports[0].name,
  )
  for (const service of ['waygate', 'waygate-admin'])
    assert.ok(named('Service', service).spec.ports[0].targetPort in portsOf(container), service)
})

test('only monitoring and the gateways themselves reach the admin listener', () => {
  const [everybody, few, ...more] = named('NetworkPolicy').spec.ingress
  assert.deepEqual([everybody, more], [{ ports: [{ port: 'http' }] }, []])
  assert.deepEqual(few.ports, [{ port: 'admin' }])
  assert.equal(few.from.length, 2)
})

test('the sidecar registers the port that its service listens on', () => {
  const { containers } = named('Deployment', 'hello').spec.template.spec
  const [service, sidecar] = containers
  const address = sidecar.args[sidecar.args.indexOf('--address') + 1]
  assert.equal(address, `$(POD_IP):${service.ports[0].containerPort}`)
  assert.equal(sidecar.args[0], 'register')
})

/** What the gateway of the deployment starts with, with its files and secrets in a folder of their own. */
function startOf(t: TestContext): Parameters<typeof loadConfig>[0] {
  const at = mkdtempSync(join(tmpdir(), 'waygate-pod-'))
  t.after(() => rmSync(at, { recursive: true }))
  const env: Record<string, string> = { WAYGATE_IMAGE: '1' }
  for (const { name, value } of container.env) {
    const secret = String(value).split('/').at(-1)!
    env[name] = join(at, secret)
    // With the newline that editors leave at the end of a file.
    writeFileSync(env[name], `${secret === 'jwt-secret' ? secret.padEnd(32, '.') : secret}\n`)
  }
  return { env, cwd: at, file: join(folder, 'base/waygate.yaml') }
}

function portsOf(of: { ports: readonly { name: string; containerPort: number }[] }): Record<string, number> {
  return Object.fromEntries(of.ports.map(({ name, containerPort }) => [name, containerPort]))
}
