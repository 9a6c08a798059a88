import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvironment, VARIABLES } from '../../../config/load/environment.ts'

/** The variables that the kubelet sets for a Service (pkg/kubelet/envvars, makeEnvVariableName and makeLinkVariables). */
function kubelet(
  service: string,
  { ip = '10.43.0.9', port = 8080, protocol = 'TCP', portName = 'http' } = {},
): Record<string, string> {
  const name = service.toUpperCase().replaceAll('-', '_')
  const url = `${protocol.toLowerCase()}://${ip.includes(':') ? `[${ip}]` : ip}:${port}`
  const link = `${name}_PORT_${port}_${protocol}`
  return {
    [`${name}_SERVICE_HOST`]: ip,
    [`${name}_SERVICE_PORT`]: String(port),
    [`${name}_SERVICE_PORT_${portName.toUpperCase().replaceAll('-', '_')}`]: String(port),
    [`${name}_PORT`]: url,
    [link]: url,
    [`${link}_PROTO`]: protocol.toLowerCase(),
    [`${link}_PORT`]: String(port),
    [`${link}_ADDR`]: ip,
  }
}

/** The names of Services that give a variable of Waygate an address, and some that only look like it. */
const ports = VARIABLES.map(({ name }) => name).filter(name => name.endsWith('_PORT'))
const services = [
  ...ports.map(name => name.slice(0, -'_PORT'.length).toLowerCase().replaceAll('_', '-')),
  'waygate-etcd',
  'waygate-gateway',
  'waygate-services',
  'waygate-port',
  'waygate-service',
]

test('some options can be taken for a Service', () => {
  assert.ok(ports.includes('WAYGATE_PORT') && ports.includes('WAYGATE_ADMIN_PORT'))
})

for (const service of services) {
  test(`in a namespace with a Service called ${service} its variables are ignored, with one warning`, () => {
    for (const options of [
      {},
      { ip: 'fd00::9' },
      { protocol: 'UDP', portName: 'dns-udp' },
      { protocol: 'SCTP' },
    ]) {
      const { settings, problems, warnings } = readEnvironment({
        WAYGATE_WORKERS: '2',
        ...kubelet(service, options),
      })
      assert.deepEqual(problems, [])
      assert.deepEqual(
        settings.map(({ path, value }) => [path, value]),
        [['workers', 2]],
      )
      assert.equal(warnings.length, 1, warnings.join('\n'))
      assert.match(warnings[0]!, new RegExp(` for the Service ${service}; enableServiceLinks: false `))
    }
  })
}

test('the warning names the variable, the Service and the cure', () => {
  assert.deepEqual(readEnvironment(kubelet('waygate')).warnings, [
    'environment WAYGATE_PORT and 7 more are ignored: Kubernetes sets them for the Service waygate; enableServiceLinks: false in the pod keeps them out',
  ])
})

test('an option that the pod sets itself takes the place of the link, and counts', () => {
  const { settings } = readEnvironment({ ...kubelet('waygate'), WAYGATE_PORT: '9000' })
  assert.deepEqual(
    settings.map(({ path, value }) => [path, value]),
    [['port', 9000]],
  )
  const empty = readEnvironment({ ...kubelet('waygate'), WAYGATE_PORT: '' })
  assert.deepEqual(empty.settings, [])
})

test('a value that is not the address of a Service is a setting, and a wrong one stays wrong', () => {
  for (const value of [
    'tcp://waygate:8080',
    'http://10.43.0.9:8080',
    'tcp://10.43.0.9',
    'tcp://10.43.0.9:8080/',
    ' tcp://10.43.0.9:8080',
    'TCP://10.43.0.9:8080',
    '10.43.0.9:8080',
    '8O80',
  ]) {
    assert.deepEqual(readEnvironment({ WAYGATE_PORT: value }).settings[0]?.value, value)
  }
})

test('a variable that only sounds like one of a Service is unknown as before', () => {
  const { warnings } = readEnvironment({ WAYGATE_SERVICE_PORT: '8080' })
  assert.match(warnings.join(), /^environment WAYGATE_SERVICE_PORT is not a variable of Waygate/)
})
