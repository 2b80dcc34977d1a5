import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import ts from 'typescript'
import { packageRoot } from '../../src/core/paths.js'

/** The sources of the package's paths: `lrp-native`, `lrp-native/data`, ... */
function entryPoints(): string[] {
  const { exports } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    exports: Record<string, { import?: { default: string } }>
  }
  return Object.values(exports).flatMap(({ import: path }) =>
    path ? [join(packageRoot, path.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))] : []
  )
}

test('every exported name has a docstring', () => {
  const { config } = ts.readConfigFile(join(packageRoot, 'tsconfig.json'), (path) => ts.sys.readFile(path))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, packageRoot)
  const program = ts.createProgram(entryPoints(), options)
  const checker = program.getTypeChecker()
  const exported = entryPoints().flatMap((path) =>
    checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)!)!)
  )
  const bare = exported
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
    .filter((symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() === '')
  expect(bare.map(({ name }) => name)).toEqual([])
  expect(exported.length).toBeGreaterThan(100)
})
