import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createNodeSelection,
  includesNode,
  type NodeSelector,
} from '../../../internal/nodes/node-selection.ts'
import { testNode } from '../../support/peer.ts'

const NODES = {
  plain: {},
  old: { version: '1' },
  new: { version: '2' },
  newA: { version: '2', zone: 'a' },
  waiting: { version: '2', traffic: 'selected' },
}

function chosen(only: NodeSelector | undefined, except: readonly NodeSelector[] = []): string[] {
  const selection = createNodeSelection(only, except)
  return Object.entries(NODES).flatMap(([id, metadata]) =>
    includesNode(selection, testNode({ id, metadata })) ? id : [],
  )
}

test('a selection has the nodes with all of its values, also those that wait to be selected', () => {
  assert.deepEqual(chosen({ version: '2' }), ['new', 'newA', 'waiting'])
  assert.deepEqual(chosen({ version: '2', meta: { zone: 'a' } }), ['newA'])
  assert.deepEqual(chosen({ meta: { version: '1' } }), ['old'])
  assert.deepEqual(chosen({ version: '3' }), [])
})

test('a selection without values has all nodes but those that wait to be selected', () => {
  assert.deepEqual(chosen(undefined), ['plain', 'old', 'new', 'newA'])
})

test('a selection leaves out the nodes that an exception selects', () => {
  assert.deepEqual(chosen(undefined, [{ version: '2' }]), ['plain', 'old'])
  assert.deepEqual(chosen({ version: '2' }, [{ meta: { zone: 'a' } }, { version: '1' }]), ['new', 'waiting'])
})

test('names of object properties select nothing by themselves', () => {
  assert.deepEqual(chosen({ meta: { toString: 'x', constructor: 'y' } }), [])
})

test('selections have the same key when they mean the same', () => {
  const keyOf = (only: NodeSelector | undefined, except?: readonly NodeSelector[]) =>
    createNodeSelection(only, except).key
  assert.equal(keyOf({ meta: { a: '1', b: '2' } }), keyOf({ meta: { b: '2', a: '1' } }))
  const keys = [
    keyOf(undefined),
    keyOf({ version: '1' }),
    keyOf(undefined, [{ version: '1' }]),
    keyOf({ version: '1' }, [{ version: '1' }]),
    keyOf({ meta: { a: 'b","c' } }),
    keyOf({ meta: { a: 'b', c: '' } }),
  ]
  assert.equal(new Set(keys).size, keys.length)
})
