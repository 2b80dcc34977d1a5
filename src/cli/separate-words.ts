import type { Command } from 'commander'
import { flagsOf } from './flags.js'

/** What was written as words of its own behind a flag whose values come with commas, and how it is written. */
interface SeparateWords {
  words: string[]
  /** `--rules epsilon,gamma` */
  meant: string
}

/** The first flag of a command line whose values come with commas, but stand there as words: `--rules epsilon gamma`. */
export function separateWords(argv: readonly string[], command: Command): SeparateWords | undefined {
  const flags = flagsOf(command).flatMap(({ flag, facts }) => (facts.commas && flag !== undefined ? [`--${flag}`] : []))
  const at = argv.findIndex((word, i) => flags.includes(word) && isWord(argv[i + 1]) && isWord(argv[i + 2]))
  if (at < 0) return undefined
  const end = argv.findIndex((word, i) => i > at && !isWord(word))
  const [first, ...words] = argv.slice(at + 1, end < 0 ? undefined : end) as [string, ...string[]]
  return { words, meant: `${argv[at]} ${[first, ...words].map((word) => word.replace(/,$/, '')).join(',')}` }
}

const isWord = (word: string | undefined): boolean => word !== undefined && !word.startsWith('-')
