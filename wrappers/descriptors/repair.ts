import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import { QuietError } from '../../internal/http/quiet-error.ts'
import { standardFileOf, standardTypes } from '../protobuf/standard-types.ts'
import { tooMuchIn } from './descriptor-size.ts'

/** Why a set of descriptors is not used, as a text for people. It has no stack, because what others send is no crash. */
export class DescriptorError extends QuietError {
  override readonly name = 'DescriptorError'

  constructor(message: string, cause?: unknown) {
    // Nodes choose the names in it, and a name may be as long as all that they send.
    super(message.length > MAX_REASON_LENGTH ? `${message.slice(0, MAX_REASON_LENGTH)}…` : message, { cause })
  }
}

const MAX_REASON_LENGTH = 1_000

/** The descriptors of one .proto file. */
export type DescriptorFile = FileDescriptorProto

const MAX_TYPES = 20_000
const MAX_NESTING = 64
/** Of whole names. Each field looks for its type in all scopes around it, by their whole names. */
const MAX_NAME = { length: 512, parts: 128 }

/**
 * Reads a FileDescriptorSet.
 *
 * @throws DescriptorError when the bytes are none, or when there is too much in it
 */
export function readDescriptorSet(bytes: Buffer): DescriptorFile[] {
  return read('it is not a FileDescriptorSet', () => {
    refuse(tooMuchIn(bytes, 'set'))
    return fromBinary(FileDescriptorSetSchema, bytes).file
  })
}

/** Returns the FileDescriptorSet of files. */
export function writeDescriptorSet(files: DescriptorFile[]): Buffer {
  return Buffer.from(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: files })))
}

/**
 * Reads one FileDescriptorProto.
 *
 * @throws DescriptorError when the bytes are none, or when there is too much in it
 */
export function readDescriptorFile(bytes: Buffer): DescriptorFile {
  return read('a file is not a FileDescriptorProto', () => {
    refuse(tooMuchIn(bytes, 'file'))
    return fromBinary(FileDescriptorProtoSchema, bytes)
  })
}

function read<T>(reason: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw cause instanceof DescriptorError ? cause : new DescriptorError(reason, cause)
  }
}

function refuse(reason: string | undefined): void {
  if (reason !== undefined) throw new DescriptorError(reason)
}

/**
 * Makes files consistent, as a compiler would have written them: servers that describe themselves leave a lot out. Type
 * names become absolute, missing types and JSON names are filled in, and the imports are those that are used. Standard
 * types are removed, because the gateway has its own and a node must not redefine them. The files are changed in place.
 *
 * @returns the files, each behind those that it imports
 * @throws DescriptorError when names are missing or occur twice, when files import each other in a circle, or when there is
 *   too much of it
 */
export function repairFiles(given: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const files = withoutDuplicates(given).filter(removeStandardTypes)
  const fileOf = indexTypes(files)
  for (const file of files) {
    const used = new Set<string>()
    const resolve = (name: string, scope: string): Found => {
      const found = find(name, scope, fileOf)
      if (found === undefined)
        throw new DescriptorError(`the type ${name}, used in ${scope || file.name}, is missing`)
      if (found.file !== file.name) used.add(found.file)
      return found
    }
    const scope = file.package
    checkLength(scope)
    for (const message of file.messageType) repairMessage(message, join(scope, message.name), resolve)
    for (const extension of file.extension) repairField(extension, scope, resolve)
    for (const service of file.service) {
      for (const method of service.method) {
        checkLength(join(join(scope, service.name), method.name))
        method.inputType = resolve(method.inputType, join(scope, service.name)).name
        method.outputType = resolve(method.outputType, join(scope, service.name)).name
      }
    }
    file.dependency = [...used]
    file.publicDependency = []
    file.weakDependency = []
    delete file.sourceCodeInfo
  }
  return inOrder(files)
}

interface TypePlace {
  readonly file: string
  readonly isEnum: boolean
}

/** A type that a name leads to. */
interface Found extends TypePlace {
  /** Absolute, with a dot in front. */
  readonly name: string
}

type Resolve = (name: string, scope: string) => Found

function withoutDuplicates(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map<string, FileDescriptorProto>()
  for (const file of files) {
    if (byName.has(file.name)) throw new DescriptorError(`two files are named ${file.name}`)
    byName.set(file.name, file)
  }
  return [...byName.values()]
}

/** Removes types that the gateway has itself, and options, which only compilers need. Returns whether anything is left. */
function removeStandardTypes(file: FileDescriptorProto): boolean {
  const isOwn = ({ name }: { name: string }) => standardFileOf(join(file.package, name)) === undefined
  file.messageType = file.messageType.filter(isOwn)
  file.enumType = file.enumType.filter(isOwn)
  file.extension = withoutOptions(file.extension)
  if ([file.messageType, file.enumType, file.extension, file.service].every(list => list.length === 0))
    return false
  if (standardTypes.getFile(file.name))
    throw new DescriptorError(`the file ${file.name} defines types of its own`)
  return true
}

const OPTIONS = /^\.?google\.protobuf\.\w+Options$/

function withoutOptions(extensions: readonly FieldDescriptorProto[]): FieldDescriptorProto[] {
  return extensions.filter(({ extendee }) => !OPTIONS.test(extendee))
}

function indexTypes(files: readonly FileDescriptorProto[]): ReadonlyMap<string, TypePlace> {
  const places = new Map<string, TypePlace>()
  const add = (name: string, place: TypePlace): void => {
    checkLength(name)
    if (places.has(name)) throw new DescriptorError(`the type ${name} is defined twice`)
    // Those that stand where a compiler would put them were removed.
    if (standardFileOf(name) !== undefined)
      throw new DescriptorError(`the type ${name} is defined inside of another one`)
    if (places.size >= MAX_TYPES) throw new DescriptorError(`there are more than ${MAX_TYPES} types`)
    places.set(name, place)
  }
  const addMessage = (message: DescriptorProto, scope: string, file: string, depth: number): void => {
    if (depth > MAX_NESTING) throw new DescriptorError(`types are nested more than ${MAX_NESTING} deep`)
    const name = join(scope, message.name)
    add(name, { file, isEnum: false })
    for (const each of message.enumType) add(join(name, each.name), { file, isEnum: true })
    for (const each of message.nestedType) addMessage(each, name, file, depth + 1)
  }
  for (const { name: file, package: scope, messageType, enumType, service } of files) {
    for (const each of service) add(join(scope, each.name), { file, isEnum: false })
    for (const each of enumType) add(join(scope, each.name), { file, isEnum: true })
    for (const each of messageType) addMessage(each, scope, file, 1)
  }
  return places
}

/** @throws DescriptorError for a whole name that no .proto file in use comes near */
function checkLength(name: string): void {
  if (name.length <= MAX_NAME.length && name.split('.').length <= MAX_NAME.parts) return
  const shown = name.slice(0, 100)
  throw new DescriptorError(
    `the name ${shown}… is too long: at most ${MAX_NAME.length} characters in ${MAX_NAME.parts} parts`,
  )
}

/** Looks a name up as a compiler does: in its scope, and then in each one around it. */
function find(name: string, scope: string, places: ReadonlyMap<string, TypePlace>): Found | undefined {
  if (name.startsWith('.')) return placeOf(name.slice(1), places)
  for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
    const found = placeOf(join(outer, name), places)
    if (found !== undefined || outer === '') return found
  }
}

function placeOf(name: string, places: ReadonlyMap<string, TypePlace>): Found | undefined {
  const place = places.get(name)
  if (place !== undefined) return { name: `.${name}`, ...place }
  const standard = standardFileOf(name)
  if (standard === undefined) return undefined
  const isEnum = standard.enums.some(({ typeName }) => typeName === name)
  return { name: `.${name}`, file: standard.proto.name, isEnum }
}

function repairMessage(message: DescriptorProto, scope: string, resolve: Resolve): void {
  message.extension = withoutOptions(message.extension)
  for (const field of [...message.field, ...message.extension]) repairField(field, scope, resolve)
  for (const nested of message.nestedType) repairMessage(nested, join(scope, nested.name), resolve)
}

function repairField(field: FieldDescriptorProto, scope: string, resolve: Resolve): void {
  if (field.jsonName === '') field.jsonName = jsonNameOf(field.name)
  if (field.extendee !== '') field.extendee = resolve(field.extendee, scope).name
  if (field.typeName === '') return
  const { name, isEnum } = resolve(field.typeName, scope)
  field.typeName = name
  if (isEnum) field.type = Type.ENUM
  else if (field.type !== Type.GROUP) field.type = Type.MESSAGE
}

/** As protoc does it: a letter behind an underscore becomes a capital. */
function jsonNameOf(name: string): string {
  return name.replace(/_+(.?)/g, (_, letter: string) => letter.toUpperCase())
}

/** Sorts files so that each comes behind those that it imports. */
function inOrder(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(files.map(file => [file.name, file]))
  const waiting = new Map(
    files.map(file => [file.name, file.dependency.filter(name => byName.has(name)).length]),
  )
  const importers = new Map<string, string[]>()
  for (const file of files) {
    for (const name of file.dependency) {
      const known = importers.get(name)
      if (known) known.push(file.name)
      else importers.set(name, [file.name])
    }
  }
  const ordered: FileDescriptorProto[] = []
  const ready = files.filter(file => waiting.get(file.name) === 0).map(file => file.name)
  for (let name = ready.shift(); name !== undefined; name = ready.shift()) {
    ordered.push(byName.get(name)!)
    for (const importer of importers.get(name) ?? []) {
      const left = waiting.get(importer)! - 1
      waiting.set(importer, left)
      if (left === 0) ready.push(importer)
    }
  }
  if (ordered.length < files.length) {
    const circle = files.find(file => !ordered.includes(file))!
    throw new DescriptorError(`files use each other's types in a circle, ${circle.name} among them`)
  }
  return ordered
}

function join(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`
}
