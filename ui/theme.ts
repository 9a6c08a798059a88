/** `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark'

const KEY = 'waygate theme'
const NEXT: Readonly<Record<Theme, Theme>> = { auto: 'light', light: 'dark', dark: 'auto' }

/** Returns the theme that was chosen in this browser. */
export function presentTheme(): Theme {
  const theme = localStorage.getItem(KEY)
  return theme === 'light' || theme === 'dark' ? theme : 'auto'
}

/** Applies the theme that was chosen. */
export function applyTheme(theme = presentTheme()): void {
  document.documentElement.style.colorScheme = theme === 'auto' ? 'light dark' : theme
  dispatchEvent(new Event('themechange'))
}

/** Goes on to the next theme, and remembers it. */
export function switchTheme(): void {
  const theme = NEXT[presentTheme()]
  localStorage.setItem(KEY, theme)
  applyTheme(theme)
}
