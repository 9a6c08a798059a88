import { missingText } from '../../wrappers/descriptors/reflection-client.ts'
import { Reflections } from '../../wrappers/descriptors/reflections.ts'
import { writeDescriptorSet } from '../../wrappers/descriptors/repair.ts'
import { createSchema, readSchema } from '../../wrappers/descriptors/schema.ts'
import { createBindings } from '../../wrappers/transcode/bindings.ts'
import { createTranscode, findCall } from '../../wrappers/transcode/transcode.ts'
import { TranscodePlan } from '../../wrappers/transcode/transcode-plan.ts'

/**
 * What JSON in front of gRPC is made of: a hundred modules with those of the protobuf library, which most gateways never
 * need. `transcoding.ts` loads this file when there is something to convert; nobody else imports more of it than types.
 */
export const grpcJson = {
  Reflections,
  TranscodePlan,
  createBindings,
  createSchema,
  createTranscode,
  findCall,
  missingText,
  readSchema,
  writeDescriptorSet,
}

export type GrpcJson = typeof grpcJson
