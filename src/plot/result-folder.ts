import { dirname, join } from 'node:path'
import { toCsv } from '../core/csv.js'
import { makeFolder, writeAtomic } from '../core/files.js'
import { writeChart, type Chart } from './chart.js'

/** A folder that results are written to, and the files written so far. All methods throw LrpError IO. */
export class ResultFolder {
  readonly files: string[] = []

  constructor(readonly path: string) {}

  /** @param name of the file, which may begin with folders */
  async write(name: string, data: string | Uint8Array): Promise<void> {
    const path = join(this.path, name)
    await makeFolder(dirname(path))
    await writeAtomic(path, data)
    this.files.push(path)
  }

  json(name: string, value: unknown): Promise<void> {
    return this.write(name, JSON.stringify(value, null, 2) + '\n')
  }

  csv(name: string, rows: (string | number)[][]): Promise<void> {
    return this.write(name, toCsv(rows))
  }

  /** `<name>.svg` and `<name>.png` */
  async chart(name: string, chart: Chart | Promise<Chart>): Promise<void> {
    const path = join(this.path, name)
    await writeChart(path, await chart)
    this.files.push(`${path}.svg`, `${path}.png`)
  }
}
