import { callNative } from '../native/addon.js'
import { Model } from './model.js'

/** A copy of a model, on its device, that computes in float64; tensors go in and out as float32. Dispose of it. */
export async function inDoublePrecision(model: Model): Promise<Model> {
  const { handle, parts, parameterShapes, experiment } = model
  const double = await callNative(async (addon) =>
    addon.Model.create(parts.graph, await handle.tensors(true), handle.device, 'fp64')
  )
  return new Model(parts, double, parameterShapes, experiment)
}
