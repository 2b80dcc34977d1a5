// The datasets and attributes of an HDF5 file as JSON: path, shape, type, first values. Jest cannot load h5wasm.
import * as h5 from 'h5wasm/node'

await h5.ready
const file = new h5.File(process.argv[2], 'r')
const found = {}
const walk = (group, path) => {
  for (const name of group.keys()) {
    const one = group.get(name)
    const at = `${path}/${name}`
    if (one instanceof h5.Group) walk(one, at)
    else {
      const attributes = Object.fromEntries(
        Object.keys(one.attrs).map((key) => [key, Array.from(one.attrs[key].value)])
      )
      found[at] = { shape: one.shape, type: one.dtype, values: Array.from(one.value), attributes }
    }
  }
}
walk(file, '')
console.log(JSON.stringify(found))
