import htm from 'htm'
import { type ComponentChild, h, type VNode } from 'preact'

export { h, render } from 'preact'
export { useEffect, useMemo, useRef, useState } from 'preact/hooks'

/** What a view can show: an element, a text, a number, nothing, or a list of these. */
export type Shown = ComponentChild | readonly Shown[]

type Html = (strings: TemplateStringsArray, ...values: unknown[]) => VNode

/** Makes elements of a template. Values become text nodes and attributes, never markup. */
export const html: Html = (htm as unknown as { bind(make: typeof h): Html }).bind(h)
