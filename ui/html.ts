import htm from 'htm'
import { type ComponentChild, h, type VNode } from 'preact'

export { Fragment, h, render } from 'preact'
export { useEffect, useMemo, useRef, useState } from 'preact/hooks'

/** What a view can show: an element, a text, a number, nothing, or a list of these. */
export type Shown = ComponentChild | readonly Shown[]

/** Makes elements of a template. Values become text nodes and attributes, never markup. */
export const html = htm.bind(h as (type: unknown, props: unknown, ...children: unknown[]) => VNode) as (
  strings: TemplateStringsArray,
  ...values: unknown[]
) => VNode
