import { ACCESS_LOG_FIELDS } from '../../internal/access-log-fields.ts'
import { Type } from '../kit/type.ts'
import { closed, text } from '../kit/values.ts'

export const AccessLogSetting = Type.Union(
  [
    Type.Boolean(),
    closed({
      format: Type.Optional(
        Type.Enum(['json', 'logfmt', 'combined'], {
          description:
            'Absent: `json`. `logfmt`: `name=value` pairs. `combined`: the format of the same name of nginx and Apache; the query is left out of it, too.',
        }),
      ),
      fields: Type.Optional(
        Type.Array(Type.Enum(ACCESS_LOG_FIELDS), {
          minItems: 1,
          uniqueItems: true,
          description:
            'Which [fields](observability.md#the-access-log) a line has, in this order. Absent: all but `bytes`, `referer` and `userAgent`. Not with `combined`.',
        }),
      ),
      to: Type.Optional(
        text(
          'File that the lines are appended to, whatever `logLevel` is. It is opened again when it was renamed or removed. Absent: standard output, among all other lines.',
        ),
      ),
    }),
  ],
  {
    default: true,
    description:
      'Whether each request is logged, in one line, and how ([observability](observability.md#the-access-log)). `true`: as JSON, at the level `info`.',
    reload: 'live',
  },
)
