import { ApiError } from '../api-errors.ts'

/** A parameter of the query of a resource. */
export interface Parameter<T> {
  readonly description: string
  /** Its JSON Schema. */
  readonly schema: Readonly<Record<string, unknown>>
  /**
   * @param text undefined when the query does not have it
   * @throws TypeError with what it must be
   */
  read(text: string | undefined): T
}

export type Parameters = Readonly<Record<string, Parameter<unknown>>>

/** The values of parameters. */
export type ValuesOf<Of extends Parameters> = {
  readonly [Name in keyof Of]: Of[Name] extends Parameter<infer T> ? T : never
}

export function textParameter(description: string): Parameter<string | undefined> {
  return { description, schema: { type: 'string' }, read: text => text }
}

/** A parameter that is `1` or `0`. Default `0`. */
export function flagParameter(description: string): Parameter<boolean> {
  return {
    description,
    schema: { enum: ['0', '1'], default: '0' },
    read(text = '0') {
      if (text === '0' || text === '1') return text === '1'
      throw new TypeError('must be 0 or 1')
    },
  }
}

export function countParameter(
  description: string,
  { byDefault, max }: { readonly byDefault: number; readonly max: number },
): Parameter<number> {
  return {
    description,
    schema: { type: 'integer', minimum: 0, maximum: max, default: byDefault },
    read(text = String(byDefault)) {
      const value = Number(text)
      if (/^\d+$/.test(text) && value <= max) return value
      throw new TypeError(`must be a number from 0 to ${max}`)
    },
  }
}

/**
 * Reads the query of a request.
 *
 * @param url the target of the request
 * @throws ApiError that names the parameter
 */
export function readParameters<Of extends Parameters>(of: Of, url: string): ValuesOf<Of> {
  const [, ...rest] = url.split('?')
  const query = new URLSearchParams(rest.join('?'))
  const names = Object.keys(of)
  for (const name of query.keys()) {
    if (!Object.hasOwn(of, name)) {
      const known = names.length === 0 ? 'there are none here' : `the parameters are ${names.join(', ')}`
      throw new ApiError('WA_QUERY', `unknown parameter ${JSON.stringify(name)}: ${known}`)
    }
    if (query.getAll(name).length > 1) throw new ApiError('WA_QUERY', `${name} is given twice`)
  }
  return Object.fromEntries(
    names.map(name => {
      try {
        return [name, of[name]!.read(query.get(name) ?? undefined)]
      } catch (error) {
        throw new ApiError('WA_QUERY', `${name} ${(error as Error).message}`)
      }
    }),
  ) as ValuesOf<Of>
}
