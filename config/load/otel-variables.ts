import type { Environment } from './environment.ts'
import type { Setting } from './layers.ts'

// The variables that all software with OpenTelemetry reads
// (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables). They are often set for a whole machine, so a mistake
// in them is a warning, and whatever Waygate is told itself counts more.

/** What samplers do with traces that begin here. All of ours believe a trusted caller. */
const SAMPLERS = new Map<string, (argument: number) => number>([
  ['always_on', () => 1],
  ['always_off', () => 0],
  ['traceidratio', argument => argument],
  ['parentbased_always_on', () => 1],
  ['parentbased_always_off', () => 0],
  ['parentbased_traceidratio', argument => argument],
])

/**
 * Reads the standard variables of OpenTelemetry that concern traces.
 *
 * @param hasEndpoint whether `tracing.endpoint` is set otherwise
 */
export function readOtelVariables(
  env: Environment,
  hasEndpoint: boolean,
): { readonly settings: readonly Setting[]; readonly warnings: readonly string[] } {
  const settings: Setting[] = []
  const warnings: string[] = []
  const read = (name: string) => {
    const value = env[`OTEL_${name}`]?.trim()
    return value === '' ? undefined : value
  }
  const set = (path: string, name: string, value: unknown) =>
    settings.push({ path: `tracing.${path}`, value, source: `environment OTEL_${name}` })
  const warn = (name: string, message: string) => warnings.push(`environment OTEL_${name} ${message}`)
  /** Reads `key=value,key=value`, percent-encoded. */
  const pairs = (name: string): Record<string, string> => {
    const found: Record<string, string> = {}
    for (const pair of read(name)?.split(',') ?? []) {
      const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? []
      const decoded = decoding(key, value)
      if (decoded === undefined) warn(name, 'has a part that is not KEY=VALUE, which is ignored')
      else found[decoded[0]] = decoded[1]
    }
    return found
  }

  const isOff = read('SDK_DISABLED')?.toLowerCase() === 'true'
  if (isOff && hasEndpoint) warn('SDK_DISABLED', 'is ignored, because tracing.endpoint is set')
  if (isOff) return { settings: [], warnings }

  const own = read('EXPORTER_OTLP_TRACES_ENDPOINT')
  if (own !== undefined && !hasEndpoint && !/\/v1\/traces\/?(?:\?|$)/.test(own)) {
    warn('EXPORTER_OTLP_TRACES_ENDPOINT', 'does not end with /v1/traces, which is appended')
  }
  if (own !== undefined) set('endpoint', 'EXPORTER_OTLP_TRACES_ENDPOINT', own)
  else if (read('EXPORTER_OTLP_ENDPOINT') !== undefined) {
    set('endpoint', 'EXPORTER_OTLP_ENDPOINT', read('EXPORTER_OTLP_ENDPOINT'))
  }
  const isTracing = hasEndpoint || settings.length > 0
  if (!isTracing) return { settings, warnings }

  for (const name of ['EXPORTER_OTLP_TRACES_PROTOCOL', 'EXPORTER_OTLP_PROTOCOL']) {
    const protocol = read(name)
    if (protocol !== undefined && protocol !== 'http/protobuf')
      warn(name, 'is ignored: traces are sent as http/protobuf, which collectors take on port 4318')
  }
  const headers = { ...pairs('EXPORTER_OTLP_HEADERS'), ...pairs('EXPORTER_OTLP_TRACES_HEADERS') }
  if (Object.keys(headers).length > 0) set('headers', 'EXPORTER_OTLP_HEADERS', headers)
  const { 'service.name': named, ...resource } = pairs('RESOURCE_ATTRIBUTES')
  if (Object.keys(resource).length > 0) set('resource', 'RESOURCE_ATTRIBUTES', resource)
  if (read('SERVICE_NAME') !== undefined) set('serviceName', 'SERVICE_NAME', read('SERVICE_NAME'))
  else if (named) set('serviceName', 'RESOURCE_ATTRIBUTES', named)
  const sampler = read('TRACES_SAMPLER')
  if (sampler !== undefined) {
    const ratioOf = SAMPLERS.get(sampler)
    const argument = Number(read('TRACES_SAMPLER_ARG') ?? 1)
    const ratio = ratioOf?.(argument)
    if (ratioOf === undefined)
      warn('TRACES_SAMPLER', `is ignored: it must be one of ${[...SAMPLERS.keys()].join(', ')}`)
    else if (!(ratio! >= 0 && ratio! <= 1))
      warn('TRACES_SAMPLER_ARG', 'is ignored: it must be a number from 0 to 1')
    else set('sampleRatio', 'TRACES_SAMPLER', ratio)
  }
  return { settings, warnings }
}

function decoding(key: string | undefined, value: string | undefined): [string, string] | undefined {
  if (key === undefined || value === undefined) return undefined
  try {
    return [decodeURIComponent(key), decodeURIComponent(value)]
  } catch {
    return undefined
  }
}
