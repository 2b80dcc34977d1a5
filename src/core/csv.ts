import { stringify } from 'csv-stringify/sync'

/** Rows as CSV; cells with commas, quotes or line breaks are quoted. */
export function toCsv(rows: (string | number)[][]): string {
  return stringify(rows)
}
