import eslint from '@eslint/js'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'node_modules/', 'coverage/', 'experiments/', 'docs/reference/'] },
  eslint.configs.recommended,
  ...tseslint.configs.recommended,
  {
    languageOptions: {
      globals: Object.fromEntries(
        ['console', 'process', 'fetch', 'URL', 'AbortController', 'Buffer', 'performance', 'setTimeout'].map((name) => [
          name,
          'readonly'
        ])
      )
    }
  },
  { rules: { '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_' }] } },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    languageOptions: { parserOptions: { project: ['tsconfig.check.json', 'src/serve/browser/tsconfig.json'] } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error'
    }
  },
  { files: ['scripts/**/*.mjs', 'bench/**/*.mjs'], rules: { 'no-empty': ['error', { allowEmptyCatch: true }] } }
)
