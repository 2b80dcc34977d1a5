import { build } from 'esbuild'
const r = await build({
    entryPoints: ['dist/cli/main.js'], outdir: 'dist/cli', allowOverwrite: true, chunkNames: 'parts/[name]-[hash]', bundle: true, splitting: true, platform: 'node', format: 'esm', target: 'node20',
    external: ['sharp','h5wasm','echarts','vite','fflate','jpeg-js','koffi','@fontsource/*'], logLevel: 'info', metafile: true, minifySyntax: false,
    banner: { js: "import { createRequire as requireHere } from 'node:module'; const require = requireHere(import.meta.url);" }
})
const pk=new Set(); for(const f of Object.keys(r.metafile.inputs)) { const m=f.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)/); if(m) pk.add(m[1]) } console.log([...pk].join(' '))
