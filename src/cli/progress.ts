import { SingleBar } from 'cli-progress'

/** A bar on a terminal, from the first step on; a plain line now and then elsewhere. */
export class Progress {
  private readonly bar: SingleBar | undefined
  private begun = false
  private lastLine = 0
  private lastText = ''
  /** When the first step was told of, and how many were done then: a continued run has many. */
  private start: { at: number; done: number } | undefined

  constructor(
    private readonly stream: NodeJS.WritableStream & { isTTY?: boolean },
    private total: number,
    private readonly unit: string,
    private readonly quiet: boolean
  ) {
    if (quiet || !stream.isTTY) return
    const plain = Boolean(process.env.NO_COLOR)
    const format = plain ? '{bar} {value}/{total} {unit}{note}' : '\x1b[36m{bar}\x1b[0m {value}/{total} {unit}{note}'
    this.bar = new SingleBar({
      format,
      stream,
      hideCursor: true,
      clearOnComplete: true,
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░'
    })
  }

  update(done: number, total = this.total, note = ''): void {
    this.total = total
    const shown = { unit: this.unit, note: note && `  ${note}` }
    if (!this.begun) this.bar?.start(total, done, shown)
    this.begun = true
    this.bar?.setTotal(total)
    this.bar?.update(done, shown)
  }

  /** Without a terminal: one line at most every two seconds, and the last one. A `stage` comes with the time that is left. */
  updateLine(done: number, total: number, stage = ''): void {
    const note = stage && stage + this.left(done, total)
    this.update(done, total, note)
    this.plainLine(`${done}/${total} ${this.unit}${note && `: ${note}`}`, done < total ? 2 : 0)
  }

  /** The time that is left at the pace so far. */
  private left(done: number, total: number): string {
    this.start ??= { at: Date.now(), done }
    const pace = (Date.now() - this.start.at) / 1000 / (done - this.start.done)
    const seconds = Math.round(pace * (total - done))
    if (!Number.isFinite(seconds) || seconds === 0) return ''
    return `, about ${seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`} left`
  }

  /** Without a terminal: a line, at most one every few seconds and none twice. */
  plainLine(text: string, seconds: number): void {
    if (this.bar || this.quiet || text === this.lastText || Date.now() - this.lastLine < seconds * 1000) return
    this.lastLine = Date.now()
    this.lastText = text
    this.stream.write(`${text}\n`)
  }

  /** A line that stays, above the bar if there is one. */
  line(text: string): void {
    if (this.quiet) return
    if (this.bar) this.stream.write('\r\x1b[2K')
    this.stream.write(`${text}\n`)
  }

  stop(): void {
    this.bar?.stop()
  }
}
