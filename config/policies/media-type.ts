import { Type } from '../kit/type.ts'

const NAME = '[A-Za-z0-9][\\w.!#$&^-]*'
const NAME_WITH_SUFFIX = '[A-Za-z0-9][\\w.!#$&^+-]*'

/** The schema of an entry of a list of media types, as `createTypeList` takes them. */
export const MEDIA_TYPE = Type.String({
  pattern: `^(?:${NAME}/(?:\\*(?:\\+${NAME})?|${NAME_WITH_SUFFIX})|\\+${NAME})$`,
  title: 'a media type such as application/json, text/* or application/*+json, or an ending such as +json',
})
