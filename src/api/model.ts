import { inspectModel, type ModelSummary } from '../explain/inspect-model.js'
import { explain, type Explanation } from '../explain/explain.js'
import { explainAll, type ExplainAllOptions, type ExplainedPart, type ImageSource } from '../explain/explain-all.js'
import type { ExplainToFilesOptions, InputOptions } from '../explain/file-options.js'
import { readInputs, type Batch } from '../explain/inputs.js'
import type { ExplainOptions } from '../explain/options.js'
import { explainToFiles, type ExplainedFiles } from '../explain/to-files.js'
import { evaluate } from '../evaluate/evaluate.js'
import type { EvaluateOptions } from '../evaluate/options.js'
import type { Evaluation } from '../evaluate/results.js'
import type { Tensor } from '../core/tensor.js'
import type { Experiment } from '../experiment/experiment.js'
import { exportModel } from '../model/export/index.js'
import type { ExportFormat } from '../model/export/options.js'
import { Model as Network } from '../model/model.js'
import type { RuleChoice } from '../rules/options.js'
import { serve, type ServedPage } from '../serve/server.js'
import type { ServeOptions } from '../serve/options.js'
import type { TestOptions } from '../scores/options.js'
import { testModel, type TestResult } from '../scores/test-model.js'

/**
 * A network on a device, with methods to explain, evaluate and export it. `Model.load` opens an experiment or a model
 * file.
 * @example
 * const model = await Model.load('resnet.onnx', { preprocess: 'imagenet' })
 * const { input } = await model.read({ input: ['photo.jpg'] })
 * const { relevance } = await model.explain(input, { composite: 'epsilon-plus-flat' })
 */
export class Model extends Network {
  /** Wraps a loaded network in this class. The weights are shared, not copied. */
  static of(network: Network, experiment: Experiment | undefined = network.experiment): Model {
    return new Model(network.parts, network.handle, network.parameterShapes, experiment, network.precision)
  }

  /**
   * Reads and preprocesses images for the network: files, arrays or a split of a data set. The default is the data set
   * that the network was trained on.
   */
  read(options: InputOptions = {}): Promise<Batch> {
    return readInputs(this, options)
  }

  /** Computes the relevance of every input value (see `explain`). */
  explain(input: Tensor, options?: ExplainOptions): Promise<Explanation> {
    return explain(this, input, options)
  }

  /** Explains any number of images in parts (see `explainAll`). */
  explainAll(data?: ImageSource, options?: ExplainAllOptions): AsyncGenerator<ExplainedPart, void, undefined> {
    return explainAll(this, data, options)
  }

  /** Explains images and writes pictures and arrays (see `explainToFiles`). */
  explainToFiles(options: ExplainToFilesOptions = {}): Promise<ExplainedFiles> {
    return explainToFiles(this, options)
  }

  /** Compares explanation methods (see `evaluate`). */
  evaluate(options?: EvaluateOptions): Promise<Evaluation> {
    return evaluate(this, options)
  }

  /** Scores the network itself on a data set (see `testModel`). */
  test(options?: TestOptions): Promise<TestResult> {
    return testModel(this, options)
  }

  /** Describes the nodes with their shapes, sizes and rules (see `inspectModel`). */
  inspect(choice?: RuleChoice): Promise<ModelSummary> {
    return inspectModel(this, choice)
  }

  /** Writes the model for another tool (see `exportModel`). */
  export(path: string, format?: ExportFormat): Promise<void> {
    return exportModel(this, path, format)
  }

  /** Serves a local page on which you can change the rule, its parameters and the class (see `serve`). */
  serve(options?: ServeOptions): Promise<ServedPage> {
    return serve(this, options)
  }
}
