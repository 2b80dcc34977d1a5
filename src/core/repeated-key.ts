const [QUOTE, BACKSLASH, COLON, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = Array.from('"\\:{}[]', (c) => c.charCodeAt(0))

/**
 * Finds a key that an object of a JSON text has twice. `JSON.parse` silently keeps only the last value of such a key.
 * @param text valid JSON
 */
export function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let [from, to] = [0, 0] // of the last string
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        ;[from, to] = [i, endOfString(text, i)]
        i = to - 1
        break
      case COLON: {
        const key = JSON.parse(text.slice(from, to)) as string
        const keys = open.at(-1)
        if (keys?.has(key)) return key
        keys?.add(key)
        break
      }
      case OPEN:
        open.push(new Set())
        break
      case OPEN_LIST:
        open.push(undefined)
        break
      case CLOSE:
      case CLOSE_LIST:
        open.pop()
    }
  }
  return undefined
}

/** Where a string that begins at `i` is over. */
function endOfString(text: string, i: number): number {
  for (i++; text.charCodeAt(i) !== QUOTE; i++) if (text.charCodeAt(i) === BACKSLASH) i++
  return i + 1
}
