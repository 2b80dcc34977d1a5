const WIDTH = 30

/**
 * A line that shows how much of a download has arrived: redrawn on a terminal; elsewhere one line for every tenth.
 * `advance(bytes)` takes the number of bytes that are there; `end()` closes the line.
 */
export function progressBar(label, total, stream = process.stderr) {
  let shown = -1
  const parts = stream.isTTY ? 100 : 10
  return {
    advance(bytes) {
      const part = total > 0 ? Math.floor((bytes / total) * parts) : 0
      if (part === shown) return
      shown = part
      stream.write(stream.isTTY ? `\r${line(label, bytes, total)}` : `${line(label, bytes, total)}\n`)
    },
    end() {
      if (stream.isTTY && shown >= 0) stream.write('\n')
    }
  }
}

function line(label, bytes, total) {
  const share = total > 0 ? Math.min(bytes / total, 1) : 0
  const filled = Math.round(share * WIDTH)
  const bar = '#'.repeat(filled) + '-'.repeat(WIDTH - filled)
  const megabytes = (value) => (value / 1e6).toFixed(0)
  return `${label} [${bar}] ${(share * 100).toFixed(0).padStart(3)} %  ${megabytes(bytes)} of ${megabytes(total)} MB`
}
