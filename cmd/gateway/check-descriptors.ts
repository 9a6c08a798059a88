import { ConfigError, jsonPath } from '../../config/kit/problem.ts'
import type { LoadedConfig } from '../../config/load/load.ts'

/**
 * Checks the files of `grpc.descriptors`. The code that reads them is loaded only if there are some.
 *
 * @throws ConfigError with every file that cannot be used
 */
export async function checkDescriptors({ config, keys, sourceOf, warnings }: LoadedConfig): Promise<void> {
  if (keys.descriptors === undefined || keys.descriptors.size === 0) return
  const { readSchema } = await import('../../wrappers/descriptors/schema.ts')
  const problems = [...keys.descriptors].flatMap(([name, bytes]) => {
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
