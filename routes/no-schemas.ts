import type { FastifyServerOptions } from 'fastify'

/** For `schemaController`: nothing here has a schema, and Fastify's schema compilers would load a hundred modules. */
export const NO_SCHEMAS: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema },
}

function refuseSchema(): never {
  throw new TypeError('the listeners have no schemas')
}
