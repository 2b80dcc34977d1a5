// Two workers share the cores: threads that wait should sleep, not spin.
process.env.OMP_WAIT_POLICY ??= 'passive'
// LRP_NATIVE_DEVICE=cuda npm test runs all of it there.
process.env.LRP_NATIVE_DEVICE ??= 'cpu'

/** TypeScript runs as CommonJS under jest; relative imports lose their `.js`. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } }
    ]
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Files whose tests start other processes or train for long set more (jest.setTimeout).
  testTimeout: 60_000,
  maxWorkers: 2
}
