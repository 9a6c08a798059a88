import { ConfigError, jsonPath } from '../../config/kit/problem.ts'
import type { LoadedConfig } from '../../config/load/load.ts'
import { readSchema } from '../../wrappers/descriptors/schema.ts'

/**
 * Checks the files of `grpc.descriptors`. Reading them takes more than the configuration knows.
 *
 * @throws ConfigError with every file that cannot be used
 */
export function checkDescriptors({ config, keys, sourceOf, warnings }: LoadedConfig): void {
  const problems = [...(keys.descriptors ?? [])].flatMap(([name, bytes]) => {
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
  if (problems.length > 0) throw new ConfigError(problems, warnings)
}
