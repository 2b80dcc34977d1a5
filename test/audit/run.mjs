// One audit in a process of its own, which a test kills: a line for each step done, and the result at the end.
//   node run.mjs DIST MODEL DATA OUTPUT
const [, , dist, path, dataPath, output] = process.argv
const { audit, Model } = await import(`${dist}/index.js`)
const model = await Model.load(path)
const format = ['html', 'virelay']
const { result } = await audit(model, {
  dataPath,
  output,
  format,
  onProgress: (done, total, what) => console.log(done, total, what)
})
console.log(JSON.stringify(result))
