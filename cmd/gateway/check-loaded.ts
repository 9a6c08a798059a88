import { ConfigError, jsonPath, type SourcedProblem } from '../../config/kit/problem.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import { codecNamed } from '../../discovery/codecs/codecs.ts'

/**
 * Checks what the schema and the rules of a configuration cannot: they know neither formats of values nor descriptors.
 *
 * @throws ConfigError with every format that does not exist, and every file of `grpc.descriptors` that cannot be used
 */
export async function checkLoaded(loaded: LoadedConfig): Promise<void> {
  const problems = [...formatProblems(loaded), ...(await descriptorProblems(loaded))]
  if (problems.length > 0) throw new ConfigError(problems, loaded.warnings)
}

function formatProblems({ config, sourceOf }: LoadedConfig): SourcedProblem[] {
  const { format, sources } = config.discovery
  const named = [
    { path: 'discovery.format', option: 'discovery.format', format },
    // Where a value was set is known only for the list as a whole.
    ...sources.map((source, i) => ({
      path: `discovery.sources[${i}].format`,
      option: 'discovery.sources',
      format: source.format,
    })),
  ]
  return named.flatMap(each => {
    try {
      codecNamed(each.format)
      return []
    } catch (error) {
      return { path: `$.${each.path}`, message: (error as Error).message, source: sourceOf(each.option) }
    }
  })
}

/** The code that reads descriptors is loaded only if there are some. */
async function descriptorProblems({ config, keys, sourceOf }: LoadedConfig): Promise<SourcedProblem[]> {
  if (keys.descriptors === undefined || keys.descriptors.size === 0) return []
  const { readSchema } = await import('../../wrappers/descriptors/schema.ts')
  return [...keys.descriptors].flatMap(([name, bytes]) => {
    try {
      readSchema(bytes)
      return []
    } catch (error) {
      return {
        path: jsonPath(['grpc', 'descriptors', name]),
        message: `${config.grpc.descriptors[name]} cannot be used: ${(error as Error).message}; write it with protoc --include_imports --descriptor_set_out`,
        source: sourceOf('grpc.descriptors'),
      }
    }
  })
}
